//! Looking at one span: the names it uses, and whether its numbers agree with one another.

use std::borrow::Cow;

use super::sender::cut;
use super::vocabulary::{self, Word};
use crate::model::{Attribute, CachedTokens, LlmCall, Operation, Span, Understanding, find};
use crate::semconv::names::{Field, field_of, tokens};
use crate::semconv::provider;

/// Something found in a span.
#[derive(Debug, PartialEq)]
pub(super) enum Finding<'a> {
    /// A name that a dialect knows.
    Known(Cow<'a, str>),
    /// A name that looks like one of a dialect, but none knows it.
    Unknown(Cow<'a, str>),
    /// How it counts cached tokens, and why that is believed.
    Cached(&'static str),
    /// Two things that it says cannot both be.
    Contradiction {
        /// Which sort.
        kind: &'static str,
        /// The names that say so.
        what: String,
        /// What they said.
        example: String,
    },
}

/// Tells what is found in a span.
pub(super) fn span<'a>(
    span: &Span<'a>,
    known: &Understanding<'a>,
    tell: &mut dyn FnMut(Finding<'a>),
) {
    for attribute in &span.attributes {
        match vocabulary::word(attribute.key) {
            Word::Known => tell(Finding::Known(vocabulary::without_numbers(cut(attribute.key)))),
            Word::Unknown => {
                tell(Finding::Unknown(vocabulary::without_numbers(cut(attribute.key))));
            }
            Word::Foreign => {}
        }
    }
    disagreements(&span.attributes, tell);
    if let Operation::Llm(call) = &known.operation {
        numbers(&span.attributes, call, tell);
        models(&span.attributes, call, tell);
        if let Some(how) = how_cached(call.cached_tokens) {
            tell(Finding::Cached(how));
        }
    }
}

/// The fields whose carriers must say the same.
const NUMBERS: [Field; 7] = [
    Field::InputTokens,
    Field::OutputTokens,
    Field::CacheReadTokens,
    Field::CacheWriteTokens,
    Field::ReasoningTokens,
    Field::TotalTokens,
    Field::UncachedTokens,
];

/// Two names of one number that say different ones.
fn disagreements<'a>(attributes: &[Attribute<'a>], tell: &mut dyn FnMut(Finding<'a>)) {
    let mut said: [Option<(&str, u64)>; NUMBERS.len()] = [None; NUMBERS.len()];
    for attribute in attributes {
        let Some(at) = field_of(attribute.key)
            .and_then(|field| NUMBERS.iter().position(|number| *number == field))
        else {
            continue;
        };
        let Some(count) = tokens(&attribute.value) else { continue };
        match said[at] {
            None => said[at] = Some((attribute.key, count)),
            Some((key, other)) if other != count => tell(Finding::Contradiction {
                kind: "two_names_disagree",
                what: format!("{key} ≠ {}", attribute.key),
                example: format!("{other} ≠ {count}"),
            }),
            Some(_) => {}
        }
    }
}

/// Sums and parts that do not fit.
fn numbers<'a>(
    attributes: &[Attribute<'a>],
    call: &LlmCall<'_>,
    tell: &mut dyn FnMut(Finding<'a>),
) {
    let usage = call.usage;
    let total = attributes.iter().find(|it| field_of(it.key) == Some(Field::TotalTokens));
    let said = total.and_then(|it| Some((it.key, tokens(&it.value)?)));
    if let (Some((key, total)), Some(input), Some(output)) = (said, usage.input, usage.output) {
        let from_cache = usage.cached.unwrap_or(0) + usage.cache_write.unwrap_or(0);
        let exclusive = matches!(call.cached_tokens, CachedTokens::Exclusive(_));
        // Some leave the reasoning out of the output and some the cached part out of the total.
        let fits = [
            input + output,
            input + output - if exclusive { from_cache } else { 0 },
            input + output + usage.reasoning.unwrap_or(0),
        ];
        if !fits.contains(&total) {
            tell(Finding::Contradiction {
                kind: "total_is_not_the_sum",
                what: key.to_owned(),
                example: format!("{total} ≠ {input} + {output}"),
            });
        }
    }
    if let (Some(reasoning), Some(output)) = (usage.reasoning, usage.output)
        && reasoning > output
    {
        tell(Finding::Contradiction {
            kind: "reasoning_exceeds_output",
            what: "reasoning tokens".to_owned(),
            example: format!("{reasoning} > {output}"),
        });
    }
}

/// A provider that is not the one in front of the model's name. Who passes calls on to others
/// is asked for models of others.
fn models<'a>(attributes: &[Attribute<'a>], call: &LlmCall<'_>, tell: &mut dyn FnMut(Finding<'a>)) {
    const PASS_ON: [&str; 6] =
        ["openrouter", "vercel", "litellm", "github", "aws.bedrock", "azure.ai.inference"];
    for key in ["gen_ai.request.model", "llm.model_name", "ai.model.id"] {
        let Some(model) = find(attributes, key).and_then(|value| value.as_text()) else { continue };
        let (Some(of_model), _) = provider::split_model(model) else { continue };
        if of_model != &*call.provider && !PASS_ON.contains(&&*call.provider) {
            tell(Finding::Contradiction {
                kind: "provider_and_model_disagree",
                what: format!("provider ≠ {key}"),
                example: format!("{} ≠ {}", cut(&call.provider), cut(model)),
            });
        }
    }
}

/// In words of a closed set.
fn how_cached(cached: CachedTokens) -> Option<&'static str> {
    use crate::model::CachedBy::{Convention, Dialect, Numbers, Parts, Total};
    Some(match cached {
        CachedTokens::Unsaid => return None,
        CachedTokens::Inclusive(Parts) => "inclusive by parts",
        CachedTokens::Inclusive(_) => "inclusive by convention",
        CachedTokens::Exclusive(Parts) => "exclusive by parts",
        CachedTokens::Exclusive(Total) => "exclusive by total",
        CachedTokens::Exclusive(Numbers) => "exclusive by numbers",
        CachedTokens::Exclusive(Dialect | Convention) => "exclusive by dialect",
    })
}
