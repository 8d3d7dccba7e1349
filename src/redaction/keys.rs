//! Keys that say their value is a secret.
//!
//! A key is read as words (`x-api-key`, `apiKey` and `API_KEY` are the same two) and judged by
//! its last ones, as English puts the noun last: `token_count` counts, `count_token` would not.

use foldhash::fast::FixedState;
use std::hash::BuildHasher;

use super::Redactor;
use super::hits::Rule;
use super::plausible;
use super::words::Words;

/// What a key says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Secrecy {
    pub(super) rule: Rule,
    pub(super) strength: Strength,
}

/// How much a key may be trusted: many words mean a secret only beside a value that looks so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// `password`: whatever stands there goes.
    Strong,
    /// `pwd`: also the shell's name for the working directory.
    NotAPath,
    /// `token`: text goes, numbers count something.
    Text,
    /// `auth`: goes if it looks random.
    Random,
    /// `key`: goes if it looks random and is neither a digest nor a UUID.
    Mixed,
    /// `sig`: goes in a URL's query.
    Query,
}

impl Secrecy {
    const fn new(rule: Rule, strength: Strength) -> Self {
        Self { rule, strength }
    }

    /// Whether this text is to go.
    pub(super) fn covers(self, text: &str) -> bool {
        if text.is_empty() || plausible::is_placeholder(text) {
            return false;
        }
        match self.strength {
            Strength::Strong | Strength::Text => true,
            Strength::NotAPath => !text.starts_with(['/', '~', '.']) && !text.contains(":\\"),
            Strength::Random => plausible::is_random(text, 12),
            Strength::Mixed => plausible::is_mixed(text, 20),
            Strength::Query => false,
        }
    }

    /// Whether a number under this key is to go.
    pub(super) fn covers_numbers(self) -> bool {
        matches!(self.strength, Strength::Strong | Strength::NotAPath)
    }
}

/// Judges a key by its words; `None` for the vast majority.
pub(super) fn judge(key: &str) -> Option<Secrecy> {
    let words = Words::of(key);
    let words = words.list();
    let mut words = words.as_slice();
    if matches!(words.first(), Some(&"is" | &"has" | &"use" | &"forgot" | &"reset")) {
        return None;
    }
    loop {
        if let Some(secrecy) = tail(words) {
            return Some(secrecy);
        }
        // `password_2`, `api_key_prod`: what follows the noun says nothing against it.
        let (last, rest) = words.split_last()?;
        if !is_neutral(last, rest.last().copied()) {
            return None;
        }
        words = rest;
    }
}

fn tail(words: &[&str]) -> Option<Secrecy> {
    use Strength::{Mixed, NotAPath, Query, Random, Strong, Text};
    let (&last, rest) = words.split_last()?;
    let before = rest.last().copied().unwrap_or_default();
    let secret = |strength| Some(Secrecy::new(Rule::SecretKey, strength));
    match last {
        "pwd" => secret(NotAPath),
        "authorization" => Some(Secrecy::new(Rule::Authorization, Strong)),
        "cookie" | "cookies" => Some(Secrecy::new(Rule::Cookie, Strong)),
        "token" | "jwt" => token(rest, before),
        "tokens" => {
            if SECRET_TOKENS.contains(&before) {
                secret(Strong)
            } else {
                None
            }
        }
        "key" | "keys" => key(rest, before),
        "id" => match rest {
            [.., "access", "key"] => Some(Secrecy::new(Rule::Aws, Strong)),
            [.., "net", "session"] => Some(Secrecy::new(Rule::Cookie, Random)),
            _ => None,
        },
        "sid" if before == "connect" => Some(Secrecy::new(Rule::Cookie, Random)),
        "jsessionid" | "phpsessid" | "sessionid" | "sessid" => {
            Some(Secrecy::new(Rule::Cookie, Random))
        }
        "string" | "phrase" | "code" | "codes" | "signature" => match (before, last) {
            ("pass" | "seed" | "recovery", "phrase") => secret(Strong),
            ("recovery" | "backup" | "mfa" | "otp", "code" | "codes") => secret(Strong),
            ("access", "signature") => Some(Secrecy::new(Rule::Azure, Strong)),
            (_, "code" | "signature") => secret(Query),
            _ => None,
        },
        "sig" | "hmac" => secret(Query),
        "pass" | "auth" | "bearer" | "otp" | "totp" | "pin" | "credential" if rest.is_empty() => {
            secret(match last {
                "credential" => Strong,
                "pass" => Text,
                _ => Random,
            })
        }
        "auth" | "bearer" | "otp" | "totp" | "pin" => None,
        "pass" if matches!(before, "by" | "first" | "second" | "all" | "render") => None,
        "pass" | "pw" => secret(Strong),
        _ if NOUNS.contains(&last) => secret(Strong),
        _ if ENDINGS.iter().any(|ending| last.ends_with(ending)) => secret(Strong),
        "k" if before == "api" => secret(Mixed),
        _ => None,
    }
}

fn token(rest: &[&str], before: &str) -> Option<Secrecy> {
    if COUNTED_TOKENS.contains(&before) || rest.contains(&"hashed") {
        return None;
    }
    Some(Secrecy::new(Rule::SecretKey, Strength::Text))
}

fn key(rest: &[&str], before: &str) -> Option<Secrecy> {
    if rest.contains(&"hashed") || rest.contains(&"public") {
        return None;
    }
    let secret = |strength| Some(Secrecy::new(Rule::SecretKey, strength));
    match before {
        "" => secret(Strength::Mixed),
        _ if SECRET_KEYS.contains(&before) => secret(Strength::Strong),
        _ if PERHAPS_KEYS.contains(&before) => secret(Strength::Random),
        _ => None,
    }
}

fn is_neutral(word: &str, before: Option<&str>) -> bool {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let of_password = matches!(before, Some("password" | "passwd" | "pwd" | "passphrase"));
    match word {
        "hash" | "hashed" | "digest" | "confirmation" | "confirm" | "again" | "repeat" => {
            of_password
        }
        "text" | "string" | "str" | "raw" | "value" | "values" | "val" => {
            before.is_some_and(|before| !matches!(before, "token" | "tokens" | "key" | "keys"))
                || matches!(word, "value" | "raw")
        }
        _ => NEUTRAL.contains(&word),
    }
}

#[rustfmt::skip]
const NEUTRAL: &[&str] = &[
    "new", "old", "current", "previous", "prod", "production", "staging", "stage", "dev",
    "test", "live", "main", "default", "backup", "header", "env", "base", "b", "encoded",
    "encrypted", "plain", "plaintext", "hex", "pem",
];

/// Nouns that are secrets by themselves.
#[rustfmt::skip]
const NOUNS: &[&str] = &[
    "password", "passwords", "passwd", "passphrase", "passcode", "passwort", "senha",
    "kennwort", "secret", "secrets", "apikey", "apikeys", "credential", "credentials",
    "creds", "mnemonic", "htpasswd", "privatekey", "secretkey", "accesskey", "authtoken",
    "accesstoken", "signingkey", "encryptionkey", "masterkey", "accountkey",
];

/// What run-together names end in: `dbpassword`, `mysecret`, `githubtoken`.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    "password", "passwd", "passphrase", "secret", "apikey", "secretkey", "authtoken",
];

/// Tokens that are pieces of text, marks in it or places in a listing.
#[rustfmt::skip]
const COUNTED_TOKENS: &[&str] = &[
    "next", "page", "continuation", "sync", "cursor", "per", "first", "last", "stop", "eos",
    "bos", "pad", "unk", "mask", "sep", "cls", "special", "output", "input", "prompt",
    "completion", "reasoning", "cached", "cancellation", "cancel", "image", "text", "audio",
    "word", "time", "each", "max", "min", "total", "num", "avg", "mean", "start", "end",
    "byte", "vocab", "thinking", "resume", "skip", "delta", "number", "single", "every",
    "logprob", "separator",
];

/// Tokens that are secrets in the plural as well.
#[rustfmt::skip]
const SECRET_TOKENS: &[&str] = &[
    "access", "refresh", "auth", "bearer", "api", "session", "oauth", "secret", "security",
    "device", "personal",
];

/// `X_key` that is a credential whatever it looks like.
#[rustfmt::skip]
const SECRET_KEYS: &[&str] = &[
    "api", "access", "secret", "private", "encryption", "decryption", "signing", "account",
    "master", "ssh", "subscription", "functions", "instrumentation", "hmac", "deploy",
    "admin", "root", "jwt", "openai", "anthropic", "azure", "aws", "gcp", "google", "gemini",
    "groq", "mistral", "cohere", "stripe", "github", "gitlab", "datadog", "dd", "sendgrid",
    "pinecone", "tavily", "serper", "hf", "huggingface", "replicate", "consumer", "storage",
    "vault", "auth", "security", "crypto", "aes", "rsa", "pgp", "gpg", "openrouter",
    "deepseek", "xai", "together", "perplexity", "langsmith", "langfuse", "shared", "wandb",
    "twilio", "mailgun",
];

/// `X_key` that is a credential if it looks like one.
#[rustfmt::skip]
const PERHAPS_KEYS: &[&str] = &[
    "app", "application", "client", "server", "service", "session", "webhook", "license",
    "licence", "user", "partner", "host",
];

/// The keys of the configuration.
#[derive(Debug, Default)]
pub(super) struct CustomKeys {
    extra: Vec<String>,
    allow: Vec<String>,
    triggers: Vec<String>,
}

impl CustomKeys {
    pub(super) fn new(extra: &[String], allow: &[String]) -> Self {
        let folded = |keys: &[String]| keys.iter().map(|key| fold(key)).collect();
        let triggers = extra.iter().filter_map(|key| longest_word(key)).collect();
        Self { extra: folded(extra), allow: folded(allow), triggers }
    }

    /// Words by which the extra keys are found in texts.
    pub(super) fn triggers(&self) -> &[String] {
        &self.triggers
    }

    /// The judgement of the configuration, then of the rules.
    pub(super) fn judge(&self, key: &str) -> Option<Secrecy> {
        if !self.extra.is_empty() || !self.allow.is_empty() {
            let whole = fold(key);
            let last = fold(key.rsplit('.').next().unwrap_or(key));
            let named = |keys: &[String]| keys.iter().any(|name| *name == whole || *name == last);
            if named(&self.allow) {
                return None;
            }
            if named(&self.extra) {
                return Some(Secrecy::new(Rule::CustomKey, Strength::Strong));
            }
        }
        judge(key)
    }
}

fn longest_word(key: &str) -> Option<String> {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric());
    words.max_by_key(|word| word.len()).filter(|word| !word.is_empty()).map(str::to_owned)
}

/// A key without case and separators.
fn fold(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a key says, by itself and of its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judgement<'a> {
    pub(super) secrecy: Option<Secrecy>,
    pub(super) role: Role<'a>,
}

/// Keys may come in pairs: `header.name` holds `Authorization`, `header.value` the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role<'a> {
    /// Neither.
    Alone,
    /// It holds the name; what stands before its last word is the pair's own name.
    Names(&'a str),
    /// It holds the value.
    Holds(&'a str),
}

impl<'a> Role<'a> {
    fn of(key: &'a str) -> Self {
        let at = key.rfind(['.', '_']).map_or(0, |at| at + 1);
        let (pair, last) = key.split_at(at);
        match last {
            "name" | "key" | "header" => Self::Names(pair),
            "value" | "val" => Self::Holds(pair),
            _ => Self::Alone,
        }
    }
}

/// The judgements of one request, which repeats few keys many times.
#[derive(Debug)]
pub(super) struct KeyCache<'a> {
    hasher: FixedState,
    places: Vec<Option<(&'a str, Judgement<'a>)>>,
}

const PLACES: usize = 256;

impl Default for KeyCache<'_> {
    fn default() -> Self {
        Self { hasher: FixedState::default(), places: vec![None; PLACES] }
    }
}

impl<'a> KeyCache<'a> {
    pub(super) fn judge(&mut self, redactor: &Redactor, key: &'a str) -> Judgement<'a> {
        let place = self.hasher.hash_one(key) as usize % PLACES;
        match self.places[place] {
            Some((known, judgement)) if known == key => judgement,
            _ => {
                let judgement = Judgement { secrecy: redactor.judge(key), role: Role::of(key) };
                self.places[place] = Some((key, judgement));
                judgement
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "
        password db.password userPassword DB_PASSWORD passwd client_secret apiKey api_key
        APIKey x-api-key http.request.header.x-api-key http.request.header.authorization
        http.response.header.set-cookie cookie aws_secret_access_key AWS_ACCESS_KEY_ID
        private_key access_token refreshToken token auth.token OPENAI_API_KEY
        password_hash password1 credentials SharedAccessKey AccountKey dbpassword
        githubtoken_secret x-amz-security-token metadata.user_api_key csrf_token
        webhook_secret PGPASSWORD smtp_pass access_tokens secret_value api_key_prod
    ";

    const HARMLESS: &str = "
        gen_ai.usage.input_tokens llm.token_count.prompt max_tokens token_type
        total_tokens tokens time_per_output_token next_page_token nextToken primary_key
        cache_key monkey keyboard sort_key public_key secretary session.id
        gen_ai.conversation.id password_policy secret_name secret_arn authorization_url
        cookie_consent author metadata.user_api_key_alias metadata.user_api_key_user_id
        hashed_api_key gen_ai.token.type token_ids tokenizer stop_token has_password
        key_id api_key_id idempotency_key keys compass bypass passenger
    ";

    #[test]
    fn keys_of_secrets_and_their_neighbours() {
        for key in SECRET.split_whitespace() {
            assert!(judge(key).is_some(), "{key}");
        }
        for key in HARMLESS.split_whitespace() {
            let secrecy = judge(key);
            assert!(
                secrecy.is_none_or(|secrecy| secrecy.strength == Strength::Mixed),
                "{key} {secrecy:?}"
            );
        }
    }
}
