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
    if bytes.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'-' | b'_' | b'?')) {
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
