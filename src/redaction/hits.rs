//! What was redacted, counted by rule and never by content.

use crate::limits;

/// Why something was redacted. The set is closed, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rule {
    /// A key says that its value is a secret: `password`, `api_key`, `client_secret`, ….
    SecretKey,
    /// A key of the configuration's `extra_keys`.
    CustomKey,
    /// A pattern of the configuration's `extra_patterns`.
    CustomPattern,
    /// An `Authorization` header, or `Bearer` and `Basic` with what follows them.
    Authorization,
    /// A `Cookie` or `Set-Cookie` header.
    Cookie,
    /// User information in a URL or connection string.
    UrlCredentials,
    /// A URL whose path is the secret, as chat webhooks have them.
    WebhookUrl,
    /// A PEM or PGP private key.
    PrivateKey,
    /// A JSON web token.
    Jwt,
    /// A password literal of a database statement or command.
    Statement,
    /// A password or key given on a command line.
    CommandLine,
    /// A random-looking value beside a word that speaks of secrets.
    RandomValue,
    /// `OpenAI` and services that use its key form.
    Openai,
    /// Anthropic.
    Anthropic,
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google.
    Google,
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Slack.
    Slack,
    /// Stripe.
    Stripe,
    /// Hugging Face.
    HuggingFace,
    /// Any other service whose keys have a known form.
    Provider,
}

const NAMES: [&str; 23] = [
    "secret_key",
    "custom_key",
    "custom_pattern",
    "authorization",
    "cookie",
    "url_credentials",
    "webhook_url",
    "private_key",
    "jwt",
    "statement",
    "command_line",
    "random_value",
    "openai",
    "anthropic",
    "aws",
    "azure",
    "google",
    "github",
    "gitlab",
    "slack",
    "stripe",
    "hugging_face",
    "provider",
];

impl Rule {
    /// How many rules there are.
    pub const COUNT: usize = NAMES.len();

    /// The name in the replacement (`<redacted:name>`) and in the `rule` label.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// Redactions by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits {
    counts: [u32; Rule::COUNT],
    any: bool,
    /// Replacements written so far that carry the rule's name.
    named: u32,
}

impl Default for Hits {
    fn default() -> Self {
        Self { counts: [0; Rule::COUNT], any: false, named: 0 }
    }
}

impl Hits {
    /// Counts one redaction. Says whether its replacement may be named: the first ones of a
    /// request are, `limits::REDACTIONS_NAMED` in number.
    pub fn count(&mut self, rule: Rule) -> bool {
        let count = &mut self.counts[rule as usize];
        *count = count.saturating_add(1);
        self.any = true;
        self.named = self.named.saturating_add(1);
        self.named as usize <= limits::REDACTIONS_NAMED
    }

    /// Hands over the counts and goes on from zero, within the same request.
    pub(super) fn take(&mut self) -> Self {
        let taken = *self;
        *self = Self { named: self.named, ..Self::default() };
        taken
    }

    /// Adds the counts of another part of the work.
    pub fn add(&mut self, other: &Self) {
        if !other.any {
            return;
        }
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.any = true;
    }

    /// Whether anything was redacted.
    pub fn any(&self) -> bool {
        self.any
    }

    /// The rules that redacted something, by name, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
        NAMES.into_iter().zip(self.counts).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_has_the_last_name() {
        assert_eq!(Rule::Provider as usize + 1, Rule::COUNT);
        assert_eq!(Rule::Provider.name(), "provider");
        assert_eq!(Rule::RandomValue.name(), "random_value");
        let mut hits = Hits::default();
        hits.count(Rule::Jwt);
        let mut sum = hits;
        sum.add(&hits);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [("jwt", 2)]);
    }
}
