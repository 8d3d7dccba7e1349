//! What a value looks like: a placeholder, something random, or plain words.

/// Whether a text stands where a secret would, without being one: already redacted, a type's
/// name, a reference to a variable.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return true };
    let wrapped = matches!((first, last), (b'<', b'>') | (b'[', b']') | (b'{', b'}'));
    if wrapped && text.len() <= 64 || first == b'$' && text.len() <= 64 && is_reference(text) {
        return true;
    }
    if text.len() > 40 {
        return false;
    }
    if bytes.len() > 2
        && bytes.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'-' | b'_' | b'?'))
    {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    PLACEHOLDERS.contains(&lower.as_str())
}

/// `$NAME` and `${NAME}`.
fn is_reference(text: &str) -> bool {
    let name = text.trim_start_matches('$');
    let name = name.strip_prefix('{').and_then(|name| name.split('}').next()).unwrap_or(name);
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'))
}

const PLACEHOLDERS: [&str; 42] = [
    "null",
    "none",
    "nil",
    "undefined",
    "true",
    "false",
    "yes",
    "no",
    "string",
    "str",
    "text",
    "number",
    "int",
    "integer",
    "bool",
    "boolean",
    "object",
    "array",
    "any",
    "bytes",
    "secretstr",
    "required",
    "optional",
    "hidden",
    "masked",
    "redacted",
    "filtered",
    "removed",
    "missing",
    "invalid",
    "empty",
    "unset",
    "n/a",
    "provided",
    "expired",
    "incorrect",
    "denied",
    "granted",
    "enabled",
    "disabled",
    "changed",
    "unknown",
];

/// Whether a text of at least `length` bytes looks like a generated token: no blanks, letters and
/// digits mixed.
pub(super) fn is_random(text: &str, length: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= length
        && bytes.iter().all(|byte| byte.is_ascii_graphic())
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_alphabetic)
}

/// The same with small and capital letters, which digests and UUIDs do not mix.
pub(super) fn is_mixed(text: &str, length: usize) -> bool {
    is_random(text, length)
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether a text is letters only, as words are.
pub(super) fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '_' | '\''))
}

/// Whether a bare value is an expression of a program, a reference or an address.
pub(super) fn is_code(text: &str) -> bool {
    let Some(&first) = text.as_bytes().first() else { return true };
    let rest = &text[1.min(text.len())..];
    if matches!(first, b'{' | b'<' | b'(' | b'[' | b'*' | b'|' | b'>')
        || first == b'$' && (is_reference(text) || text.starts_with("$(") || is_word(rest))
        || first == b'%' && text.len() <= 3
        || first == b'&' && is_word(rest)
    {
        return true;
    }
    if text.contains("://") || text.contains("${") || text.contains("{{") {
        return true;
    }
    let call = text.find(['(', '[']).is_some_and(|at| is_path(&text[..at]));
    call || text.contains('.') && is_path(text)
}

/// `settings.api_token`, `os.environ`: names joined by dots.
fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
        })
}

/// Whether a quoted text may be an access token: without blanks, and no plain short word.
pub(super) fn is_token(text: &str) -> bool {
    let (scheme, token) = text.split_once(' ').unwrap_or(("", text));
    let scheme = matches!(scheme, "" | "Bearer" | "bearer" | "Token" | "token" | "Basic");
    scheme
        && !token.bytes().any(|byte| byte.is_ascii_whitespace())
        && !is_placeholder(token)
        && (token.len() >= 8 || token.len() >= 5 && is_random(token, 5))
        && !token.bytes().all(|byte| byte.is_ascii_digit() && token.len() < 6)
}

/// Whether a text is base64 of `user:password`.
pub(super) fn is_basic(text: &str) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let text = text.trim_end_matches('=');
    text.len() >= 6
        && STANDARD_NO_PAD
            .decode(text.get(..text.len().min(400) / 4 * 4).unwrap_or(text))
            .is_ok_and(|decoded| {
                decoded.contains(&b':') && decoded.iter().all(|b| !b.is_ascii_control())
            })
}

/// Whether this names a type in a schema or a program.
pub(super) fn is_type(name: &[u8]) -> bool {
    matches!(
        name,
        b"string" | b"object" | b"number" | b"integer" | b"boolean" | b"array" | b"null" | b"file"
    )
}

/// Words that follow the name of an option in prose and help texts.
pub(super) fn is_common(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "flag"
            | "option"
            | "options"
            | "argument"
            | "parameter"
            | "value"
            | "or"
            | "and"
            | "is"
            | "to"
            | "if"
            | "for"
            | "in"
            | "with"
            | "when"
            | "from"
            | "instead"
            | "the"
            | "a"
            | "an"
            | "on"
            | "as"
            | "by"
            | "was"
            | "are"
            | "not"
            | "will"
            | "must"
            | "should"
            | "can"
            | "you"
            | "your"
            | "switch"
            | "env"
            | "which"
    )
}
