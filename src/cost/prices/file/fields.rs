//! What a field of a model means.

use crate::model::ServiceTier;

/// A field of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// A price of tokens.
    Price(Kind, u64, ServiceTier),
    /// `litellm_provider`.
    Provider,
    /// `mode`.
    Mode,
    /// `pharos_from`.
    From,
    /// A price of something that is not a token, or that tokens alone do not decide.
    Beyond,
    /// A word of ours that does not exist.
    Unknown,
    /// Anything else that the format holds.
    Other,
}

/// A kind of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Input,
    Output,
    Cached,
    CacheWrite,
    CacheWrite1h,
    Reasoning,
}

/// Longer names stand before those that they begin with.
static KINDS: &[(&str, Kind)] = &[
    ("input_cost_per_token_cache_hit", Kind::Cached),
    ("input_cost_per_token", Kind::Input),
    ("output_cost_per_token", Kind::Output),
    ("cache_read_input_token_cost", Kind::Cached),
    ("cache_creation_input_token_cost_above_1hr", Kind::CacheWrite1h),
    ("cache_creation_input_token_cost", Kind::CacheWrite),
    ("output_cost_per_reasoning_token", Kind::Reasoning),
];

impl Field {
    /// What a field of this name means.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "litellm_provider" => return Self::Provider,
            "mode" => return Self::Mode,
            "pharos_from" => return Self::From,
            _ if name.starts_with("pharos_") => return Self::Unknown,
            _ => {}
        }
        let kind = KINDS.iter().find_map(|(start, kind)| Some((name.strip_prefix(start)?, *kind)));
        if let Some((rest, kind)) = kind
            && let Some((above, tier)) = condition(rest)
        {
            return Self::Price(kind, above, tier);
        }
        let prices = ["cost", "pricing", "price"].iter().any(|word| name.contains(word));
        if prices { Self::Beyond } else { Self::Other }
    }
}

/// `_above_200k_tokens`, `_flex`, both, or nothing: the length of the prompt and the tier.
fn condition(rest: &str) -> Option<(u64, ServiceTier)> {
    let (above, rest) = match rest.strip_prefix("_above_") {
        None => (0, rest),
        Some(tail) => {
            let (thousands, tail) = tail.split_once("k_tokens")?;
            let thousands: u32 = thousands.parse().ok().filter(|it| *it > 0)?;
            (u64::from(thousands) * 1_000, tail)
        }
    };
    let tier = match rest {
        "" => ServiceTier::Standard,
        "_batches" => ServiceTier::Batch,
        "_flex" => ServiceTier::Flex,
        "_priority" => ServiceTier::Priority,
        _ => return None,
    };
    Some((above, tier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_their_parts() {
        use Kind::{CacheWrite, CacheWrite1h, Cached, Input, Output, Reasoning};
        use ServiceTier::{Batch, Flex, Priority, Standard};
        for (name, kind, above, tier) in [
            ("input_cost_per_token", Input, 0, Standard),
            ("output_cost_per_token_above_128k_tokens", Output, 128_000, Standard),
            ("cache_read_input_token_cost_above_200k_tokens_priority", Cached, 200_000, Priority),
            ("input_cost_per_token_cache_hit", Cached, 0, Standard),
            ("cache_creation_input_token_cost_flex", CacheWrite, 0, Flex),
            ("cache_creation_input_token_cost_above_1hr", CacheWrite1h, 0, Standard),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                CacheWrite1h,
                200_000,
                Standard,
            ),
            ("output_cost_per_reasoning_token_batches", Reasoning, 0, Batch),
        ] {
            assert_eq!(Field::of(name), Field::Price(kind, above, tier), "{name}");
        }
        for name in [
            "input_cost_per_character",
            "output_cost_per_image",
            "input_cost_per_token_ultrafast",
            "input_cost_per_audio_token",
            "search_context_cost_per_query",
            "tiered_pricing",
            "input_cost_per_token_above_0k_tokens",
        ] {
            assert_eq!(Field::of(name), Field::Beyond, "{name}");
        }
        assert_eq!(Field::of("max_tokens"), Field::Other);
        assert_eq!(Field::of("pharos_form"), Field::Unknown);
    }
}
