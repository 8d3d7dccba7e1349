//! The tokens of one call, and whether its sender's input includes the cached ones.

use super::frameworks;
use super::names::{Facts, Field, tokens};
use crate::limits;
use crate::model::{CachedBy, CachedTokens, Span, Usage};

/// Who leaves the cached tokens out of the input: the dialect or instrumentation scope, and the
/// provider where it depends on whose numbers are passed on. Anthropic and Bedrock count what was
/// cached beside the input; these pass their numbers on as they are. Every other dialect is
/// believed to add them up, as the conventions ask, unless its own numbers say otherwise.
static EXCLUSIVE: &[(&str, Option<&str>)] = &[
    // Until AI SDK 5; later ones say what was not cached, which is stronger.
    ("vercel_ai", Some("anthropic")),
    ("vercel_ai", Some("aws.bedrock")),
    ("opentelemetry.instrumentation.bedrock", None),
    ("langfuse", None),
];

/// The tokens of a call of `provider` that `sender` (dialect and scope) reports, the input with
/// its cached part.
pub(super) fn read(
    span: &Span<'_>,
    facts: &Facts<'_, '_>,
    sender: [&str; 2],
    provider: &str,
) -> (Usage, CachedTokens) {
    let mut said = Usage {
        input: facts.tokens(Field::InputTokens),
        output: facts.tokens(Field::OutputTokens),
        cached: facts.tokens(Field::CacheReadTokens),
        cache_write: facts.tokens(Field::CacheWriteTokens),
        reasoning: facts.tokens(Field::ReasoningTokens),
    };
    if said.input.is_none() && said.output.is_none() {
        if facts.has(Field::UsageDetails) {
            let (usage, by) = frameworks::usage_in_json(facts).unwrap_or_default();
            return complete(usage, None, None, [by, ""], provider);
        }
        let usage = Usage { input: modal(span, ".input_tokens"), ..said };
        let usage = Usage { output: modal(span, ".output_tokens"), ..usage };
        return complete(usage, None, None, sender, provider);
    }
    // Logfire sends the parts of the usage only as the provider's answer had them.
    if facts.has(Field::UsageDetails) && said.cached.is_none() && said.cache_write.is_none() {
        let (parts, _) = frameworks::usage_in_json(facts).unwrap_or_default();
        (said.cached, said.cache_write) = (parts.cached, parts.cache_write);
        said.reasoning = said.reasoning.or(parts.reasoning);
    }
    let (total, uncached) = (facts.tokens(Field::TotalTokens), facts.tokens(Field::UncachedTokens));
    complete(said, total, uncached, sender, provider)
}

/// Decides how the cached tokens were counted and adds them to the input that lacks them.
fn complete(
    mut usage: Usage,
    total: Option<u64>,
    uncached: Option<u64>,
    sender: [&str; 2],
    provider: &str,
) -> (Usage, CachedTokens) {
    let from_cache = usage.cached.unwrap_or(0) + usage.cache_write.unwrap_or(0);
    if from_cache == 0 {
        return (usage, CachedTokens::Unsaid);
    }
    let Some(input) = usage.input else { return (usage, CachedTokens::Unsaid) };
    let all = input + from_cache;
    let passed_on =
        |(of, by): &(&str, Option<&str>)| sender.contains(of) && by.is_none_or(|by| by == provider);
    let decided = if uncached == Some(input) {
        CachedTokens::Exclusive(CachedBy::Parts)
    } else if uncached.is_some_and(|uncached| uncached + from_cache == input) {
        CachedTokens::Inclusive(CachedBy::Parts)
    } else if from_cache > input {
        CachedTokens::Exclusive(CachedBy::Numbers)
    } else if total.is_some() && total == usage.output.map(|output| all + output) {
        CachedTokens::Exclusive(CachedBy::Total)
    } else if EXCLUSIVE.iter().any(passed_on) {
        CachedTokens::Exclusive(CachedBy::Dialect)
    } else {
        CachedTokens::Inclusive(CachedBy::Convention)
    };
    if matches!(decided, CachedTokens::Exclusive(_)) {
        usage.input = Some(all);
    }
    (usage, decided)
}

/// The sum over the modalities, for a sender that gives no other number. The parts that were
/// cached (`gen_ai.usage.image.cache_read.input_tokens`) are within those.
fn modal(span: &Span<'_>, side: &str) -> Option<u64> {
    let parts = span.attributes.iter().filter_map(|attribute| {
        let modality = attribute.key.strip_prefix("gen_ai.usage.")?.strip_suffix(side)?;
        let known = matches!(modality, "text" | "image" | "audio" | "video");
        tokens(&attribute.value).filter(|_| known)
    });
    let sum = parts.fold(None, |sum: Option<u64>, part| Some(sum.unwrap_or(0) + part));
    sum.filter(|count| *count <= limits::TOKENS_PER_CALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(input, output, cached, written, total, uncached, dialect, provider)` → what is decided.
    #[test]
    fn cached_tokens_are_always_a_part_of_the_input() {
        use CachedBy::{Convention, Dialect, Numbers, Parts, Total};
        use CachedTokens::{Exclusive, Inclusive, Unsaid};
        for (input, cached, written, total, uncached, dialect, provider, expected, decided) in [
            // The conventions.
            (34, 16, 0, None, None, "gen_ai", "openai", 34, Inclusive(Convention)),
            (34, 16, 0, Some(46), None, "openinference", "openai", 34, Inclusive(Convention)),
            (34, 0, 0, None, None, "vercel_ai", "anthropic", 34, Unsaid),
            // Anthropic's own numbers through a dialect that does not say how it counts.
            (10, 100, 5, None, None, "gen_ai", "anthropic", 115, Exclusive(Numbers)),
            // Less is cached than is new: only the dialect can tell.
            (200, 100, 0, None, None, "vercel_ai", "anthropic", 300, Exclusive(Dialect)),
            (200, 100, 0, None, None, "vercel_ai", "aws.bedrock", 300, Exclusive(Dialect)),
            (200, 100, 0, None, None, "vercel_ai", "gcp.gemini", 200, Inclusive(Convention)),
            (200, 100, 0, None, None, "langfuse", "openai", 300, Exclusive(Dialect)),
            (200, 100, 0, None, None, "pydantic_ai", "anthropic", 200, Inclusive(Convention)),
            // What was not cached is said as well, which settles it.
            (200, 100, 0, None, Some(100), "vercel_ai", "anthropic", 200, Inclusive(Parts)),
            (200, 100, 0, None, Some(200), "gen_ai", "deepseek", 300, Exclusive(Parts)),
            // The total counts them beside the input.
            (200, 100, 0, Some(312), None, "gen_ai", "anthropic", 300, Exclusive(Total)),
        ] {
            let usage = Usage {
                input: Some(input),
                output: Some(12),
                cached: Some(cached),
                cache_write: Some(written),
                reasoning: None,
            };
            let (usage, found) = complete(usage, total, uncached, [dialect, "scope"], provider);
            let case = format!("{input} {cached} {written} {dialect} {provider}");
            assert_eq!((usage.input, found), (Some(expected), decided), "{case}");
        }
    }
}
