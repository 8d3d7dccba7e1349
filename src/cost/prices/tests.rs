//! Costs computed by hand, and mistakes in files.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{LoadError, Prices, PricesOptions};
use crate::model::{
    Cost, CostSource, CostState, LlmCall, Pricing, ServiceTier, Usage, UsageSource,
};

/// 2026-01-01 in nanoseconds since the Unix epoch.
const NEW_YEAR_NS: u64 = 1_767_225_600_000_000_000;
const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

fn call<'a>(provider: &'a str, model: &'a str, usage: Usage) -> LlmCall<'a> {
    LlmCall {
        operation: "chat",
        provider: Cow::Borrowed(provider),
        request_model: Some(model),
        usage,
        ..LlmCall::default()
    }
}

/// Input, cached, written, output, reasoning.
fn usage([input, cached, cache_write, output, reasoning]: [u64; 5]) -> Usage {
    let some = |tokens: u64| (tokens > 0).then_some(tokens);
    Usage {
        input: Some(input),
        output: Some(output),
        cached: some(cached),
        cache_write: some(cache_write),
        reasoning: some(reasoning),
    }
}

#[test]
fn costs_are_what_a_hand_computes() {
    let prices = Prices::builtin();
    let check = |provider: &str, model: &str, tokens: [u64; 5], expected: f64| {
        let cost = prices.cost(&call(provider, model, usage(tokens)), NEW_YEAR_NS);
        let usd = cost.usd.unwrap_or(f64::NAN);
        assert!((usd - expected).abs() < 5e-13, "{model}: {usd} is not {expected}");
        assert_eq!((cost.state, cost.source), (CostState::Priced, CostSource::BuiltIn), "{model}");
        assert_eq!(cost.version, prices.version());
    };
    // 1,000 × 2.50 + 500 × 10 USD a million.
    check("openai", "gpt-4o", [1_000, 0, 0, 500, 0], 0.007_5);
    check("openai", "gpt-4o-2024-08-06", [1_000, 0, 0, 500, 0], 0.007_5);
    // An older release has a line of its own: 1,000 × 5 + 500 × 15.
    check("openai", "gpt-4o-2024-05-13", [1_000, 0, 0, 500, 0], 0.012_5);
    // 300 × 2.50 + 700 × 1.25 + 500 × 10.
    check("openai", "gpt-4o", [1_000, 700, 0, 500, 0], 0.006_625);
    check("azure.ai.openai", "gpt-4o", [1_000, 700, 0, 500, 0], 0.006_625);
    // Reasoning is completion: 100 × 1.25 + 2,000 × 10.
    check("openai", "gpt-5", [100, 0, 0, 2_000, 1_900], 0.020_125);
    check("openai", "ft:gpt-4o-mini-2024-07-18:acme::x", [1_000, 0, 0, 1_000, 0], 0.001_5);
    // 10 × 3 + 1,000 × 0.30 + 2,000 × 3.75 + 100 × 15.
    check("anthropic", "claude-sonnet-4-20250514", [3_010, 1_000, 2_000, 100, 0], 0.009_33);
    // Above 200,000 everything is dearer: 200,001 × 6 + 10 × 22.50, and at 200,000 it is not.
    check("anthropic", "claude-sonnet-4-5", [200_001, 0, 0, 10, 0], 1.200_231);
    check("anthropic", "claude-sonnet-4-5", [200_000, 0, 0, 10, 0], 0.600_15);
    check("aws.bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0", [100, 0, 0, 100, 0], 0.001_8);
    // A regional endpoint costs a tenth more: 1,000 × 3.30 + 100 × 16.50.
    check(
        "aws.bedrock",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        [1_000, 0, 0, 100, 0],
        0.004_95,
    );
    check(
        "aws.bedrock",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        [1_000, 0, 0, 100, 0],
        0.004_5,
    );
    // 128,001 × 2.50 + 7 × 10.
    check("gcp.gemini", "models/gemini-1.5-pro-002", [128_001, 0, 0, 7, 0], 0.320_072_5);
    check("gcp.vertex_ai", "gemini-2.5-flash", [1, 0, 0, 1, 0], 0.000_002_8);
    check("aws.bedrock", "us.amazon.nova-micro-v1:0", [1_000_000, 0, 0, 0, 0], 0.035);
    // Nobody says who served it: the maker's price.
    check("unknown", "claude-3-haiku-20240307", [4, 0, 0, 4, 0], 0.000_006);
}

#[test]
fn a_price_is_that_of_the_day_of_the_call() {
    let prices = Prices::builtin();
    let at = |ns| prices.quote("openai", "o3", usage([1_000_000, 0, 0, 0, 0]), ns).usd;
    // 2025-06-10 in nanoseconds since the Unix epoch.
    let change = 1_749_513_600_000_000_000;
    assert_eq!((at(change - 1), at(change), at(0)), (Some(10.0), Some(2.0), Some(10.0)));
}

#[test]
fn what_is_not_known_is_a_state() {
    let prices = Prices::builtin();
    let cost = |call: &LlmCall<'_>| prices.cost(call, NEW_YEAR_NS);
    let some = usage([1_000, 0, 0, 500, 0]);
    for (provider, model) in [
        ("openai", "gpt-4o-audio-preview"),
        ("openai", "gpt-4oo"),
        ("openai", "claude-3-haiku"),
        ("myowncloud", "gpt-4o"),
        ("unknown", "llama-3.3-70b-versatile"),
        ("openai", "ft:gpt-5:acme::x"),
        ("openai", ""),
    ] {
        assert_eq!(cost(&call(provider, model, some)), Cost::UNPRICED, "{provider} {model}");
    }
    // No tokens, or only zeros, which is what senders say who know none.
    assert_eq!(cost(&call("openai", "gpt-4o", Usage::default())), Cost::UNPRICED);
    assert_eq!(cost(&call("openai", "gpt-4o", usage([0; 5]))), Cost::UNPRICED);
    // Absurd numbers are mistakes.
    assert_eq!(cost(&call("openai", "gpt-4o", usage([u64::MAX, 0, 0, 1, 0]))), Cost::UNPRICED);
    let state = |call: &LlmCall<'_>| (cost(call).usd, cost(call).state);
    let half = Usage { output: None, ..usage([1_000_000, 0, 0, 0, 0]) };
    assert_eq!(state(&call("openai", "gpt-4o", half)), (Some(2.5), CostState::Partial));
    // Nobody answers an embedding.
    let read = LlmCall { operation: "embeddings", ..call("openai", "gpt-4o", half) };
    assert_eq!(state(&read), (Some(2.5), CostState::Priced));
    assert_eq!(
        state(&call("openai", "text-embedding-3-small", half)),
        (Some(0.02), CostState::Priced)
    );
    // Cached tokens of a model without a price for them are prompt tokens.
    let cached = usage([1_000_000, 400_000, 0, 0, 0]);
    assert_eq!(state(&call("openai", "gpt-4", cached)), (Some(30.0), CostState::Partial));
    for (source, expected) in
        [(UsageSource::Estimated, CostState::Estimated), (UsageSource::Partial, CostState::Partial)]
    {
        let call = LlmCall { usage_source: source, ..call("openai", "gpt-4o", some) };
        assert_eq!(cost(&call).state, expected);
    }
}

#[test]
fn what_the_sender_says_comes_first_unless_it_says_nothing() {
    let prices = Prices::builtin();
    let some = usage([1_000, 0, 0, 500, 0]);
    let said = |usd, model| {
        let call = LlmCall { reported_cost_usd: Some(usd), ..call("openai", model, some) };
        prices.cost(&call, NEW_YEAR_NS)
    };
    assert_eq!(said(0.5, "gpt-4o"), Cost::reported(0.5));
    // A cost of 0 is what senders say who have no price.
    assert_eq!(said(0.0, "gpt-4o").usd, Some(0.007_5));
    assert_eq!(said(0.0, "nobody-knows"), Cost::UNPRICED);
    assert_eq!(said(f64::INFINITY, "nobody-knows"), Cost::UNPRICED);
    let cached = LlmCall { from_response_cache: true, ..call("openai", "gpt-4o", some) };
    assert_eq!(prices.cost(&cached, NEW_YEAR_NS), Cost::reported(0.0));
}

#[test]
fn the_model_that_answered_is_asked_first() {
    let prices = Prices::builtin();
    let some = usage([1_000_000, 0, 0, 0, 0]);
    let answered = |asked, answered| {
        let call =
            LlmCall { response_model: Some(answered), ..call("azure.ai.openai", asked, some) };
        prices.cost(&call, NEW_YEAR_NS).usd
    };
    assert_eq!(answered("my-deployment", "gpt-4o-mini-2024-07-18"), Some(0.15));
    assert_eq!(answered("gpt-4o", "my-alias"), Some(2.5));
}

#[test]
fn tiers_have_prices_of_their_own() {
    let prices = Prices::builtin();
    let of = |model: &'static str, tier| {
        let call =
            LlmCall { service_tier: tier, ..call("openai", model, usage([1_000_000, 0, 0, 0, 0])) };
        let cost = prices.cost(&call, NEW_YEAR_NS);
        (cost.usd, cost.state)
    };
    assert_eq!(of("gpt-5", ServiceTier::Flex), (Some(0.625), CostState::Priced));
    assert_eq!(of("gpt-5", ServiceTier::Priority), (Some(2.5), CostState::Priced));
    assert_eq!(of("gpt-5", ServiceTier::Batch), (Some(0.625), CostState::Priced));
    assert_eq!(of("gpt-4o", ServiceTier::Flex), (Some(2.5), CostState::Partial));
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    }

    fn open(&self, files: &[PathBuf]) -> Result<Prices, LoadError> {
        Prices::open(PricesOptions {
            files: files.to_vec(),
            builtin: true,
            stale_after: Duration::from_secs(1),
        })
    }

    /// The mistake in a file with this text, without the folder's name.
    fn mistake(&self, text: &str) -> String {
        let path = self.put("p.json", text);
        let error = self.open(&[path]).expect_err(text).to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn every_mistake_in_a_file_is_told_with_its_place() {
    let files = Files::new();
    let mut wrong = Vec::new();
    for (text, expected) in [
        (
            "{\"m\": {\"input_cost_per_token\": \"1e-6\"}}",
            "p.json:1:37: model \"m\": \"input_cost_per_token\": must be a number, and is the text \
             \"1e-6\"",
        ),
        (
            "{\n \"m\": {\n  \"output_cost_per_token\": -1e-6\n }\n}",
            "p.json:3:32: model \"m\": \"output_cost_per_token\": -0.000001 is negative: a price \
             is at least 0",
        ),
        (
            "{\"m\": {\"input_cost_per_token\": 2.5}}",
            "p.json:1:34: model \"m\": \"input_cost_per_token\": 2.5 USD a token is more than 1: \
             prices are for one token, not a million",
        ),
        (
            "{\"m\": {\"input_cost_per_token\": NaN}}",
            "p.json:1:32: model \"m\": \"input_cost_per_token\": expected value",
        ),
        (
            "{\"m\": {\"input_cost_per_token\": 1e999}}",
            "p.json:1:36: model \"m\": \"input_cost_per_token\": number out of range",
        ),
        (
            "{\"m\": {\"input_cost_per_token\": [1]}}",
            "p.json:1:32: model \"m\": \"input_cost_per_token\": invalid type: sequence, expected \
             a number of USD a token",
        ),
        (
            "{\"m\": {\"litellm_provider\": 5}}",
            "p.json:1:28: model \"m\": \"litellm_provider\": invalid type: integer `5`, expected a \
             text",
        ),
        (
            "{\"m\": {\"pharos_from\": \"soon\"}}",
            "p.json:1:29: model \"m\": \"pharos_from\": must be a day such as \"2026-11-01\", in \
             UTC",
        ),
        (
            "{\"m\": {\"pharos_form\": \"2026-11-01\"}}",
            "p.json:1:20: model \"m\": \"pharos_form\": there is no such word: try pharos_from",
        ),
        (
            "{\"m\": 7}",
            "p.json:1:7: model \"m\": invalid type: integer `7`, expected an object of \
             prices, or a list of them",
        ),
        ("{\"m\": []}", "p.json:1:8: model \"m\": the list is empty"),
        ("[]", "p.json:1:0: invalid type: sequence, expected an object of models"),
        ("{\"m\": {}} x", "p.json:1:11: trailing characters"),
        (
            "{\"m\": {\"input_cost_per_token\": 1e-6",
            "p.json:1:35: model \"m\": EOF while parsing an \
             object",
        ),
        ("", "p.json:1:0: EOF while parsing a value"),
        (
            "{\"m\": {\"input_cost_per_token\": 1e-6}, \"m\": {\"input_cost_per_token\": 2e-6}}",
            "p.json:1:74: model \"m\": the model stands twice, with different prices",
        ),
        (
            "{\"m\": {\"input_cost_per_token\": 1e-6, \"input_cost_per_token\": 2e-6}}",
            "p.json:1:66: model \"m\": \"input_cost_per_token\": this price stands there already, \
             and is another one",
        ),
        (
            "{\"m\": [{\"input_cost_per_token\": 1e-6}, {\"input_cost_per_token\": 2e-6}]}",
            "p.json:1:70: model \"m\": \"pharos_from\": two prices begin at the same time",
        ),
    ] {
        let told = files.mistake(text);
        if told != expected {
            wrong.push(format!("{told}\n  instead of\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing = files.0.path().join("nowhere.json");
    let error = files.open(std::slice::from_ref(&missing)).unwrap_err().to_string();
    assert!(error.starts_with(&missing.display().to_string()), "{error}");
}

#[test]
fn two_files_must_agree() {
    let files = Files::new();
    let one = files
        .put("a.json", "{\"x/m\": {\"litellm_provider\": \"x\", \"input_cost_per_token\": 1e-6}}");
    let other = files
        .put("b.json", "{\"m\": {\"litellm_provider\": \"x\", \"input_cost_per_token\": 2e-6}}");
    let error = files.open(&[one.clone(), other.clone()]).unwrap_err().to_string();
    let expected = format!(
        "{} and {} disagree on the model \"m\" of x from ever on: take it out of one of them, or \
         say \"pharos_from\" where it is a change",
        one.display(),
        other.display()
    );
    assert_eq!(error, expected);
    files.put(
        "b.json",
        "{\"m\": {\"litellm_provider\": \"x\", \"input_cost_per_token\": 2e-6, \
         \"pharos_from\": \"2026-01-01\"}}",
    );
    let prices = files.open(&[one, other]).unwrap();
    let at = |ns| prices.quote("x", "m", usage([1_000_000, 0, 0, 0, 0]), ns).usd;
    assert_eq!((at(NEW_YEAR_NS - 1), at(NEW_YEAR_NS)), (Some(1.0), Some(2.0)));
}

#[test]
fn a_correction_replaces_and_a_change_keeps_the_past() {
    let files = Files::new();
    let usage = usage([1_000_000, 0, 0, 0, 0]);
    let ask = |text: &str, ns| {
        let path = files.put("p.json", text);
        let cost = files.open(&[path]).unwrap().quote("openai", "gpt-4o", usage, ns);
        (cost.usd, cost.source)
    };
    let corrected = "{\"gpt-4o\": {\"litellm_provider\": \"openai\", \
                     \"input_cost_per_token\": 7e-6, \"output_cost_per_token\": 7e-6}}";
    assert_eq!(ask(corrected, 1), (Some(7.0), CostSource::File));
    let changed = "{\"gpt-4o\": {\"litellm_provider\": \"openai\", \
                   \"input_cost_per_token\": 7e-6, \"pharos_from\": \"2026-01-01T00:00:00Z\"}}";
    assert_eq!(ask(changed, NEW_YEAR_NS - 1), (Some(2.5), CostSource::BuiltIn));
    assert_eq!(ask(changed, NEW_YEAR_NS), (Some(7.0), CostSource::File));
    let both = "{\"gpt-4o\": [{\"litellm_provider\": \"openai\", \"input_cost_per_token\": 1e-6}, \
                {\"litellm_provider\": \"openai\", \"input_cost_per_token\": 3e-6, \
                \"pharos_from\": \"2026-01-01\"}]}";
    assert_eq!(ask(both, NEW_YEAR_NS - DAY_NS).0, Some(1.0));
    assert_eq!(ask(both, NEW_YEAR_NS + DAY_NS).0, Some(3.0));
}

#[test]
fn kinds_that_tokens_do_not_decide_are_told_and_not_guessed() {
    let files = Files::new();
    let path = files.put(
        "p.json",
        "{\"sample_spec\": {\"input_cost_per_token\": \"text\"}, \
          \"x/says\": {\"input_cost_per_character\": 1e-6, \"litellm_provider\": \"x\"}, \
          \"x/both\": {\"input_cost_per_token\": 1e-6, \"input_cost_per_image\": 0.1, \
                       \"max_tokens\": \"many\"}, \
          \"x/free\": {\"input_cost_per_token\": 0, \"output_cost_per_token\": 0.0}, \
          \"x/null\": {\"input_cost_per_token\": null}}",
    );
    let prices = files.open(&[path]).unwrap();
    let some = usage([1_000_000, 0, 0, 0, 0]);
    assert_eq!(prices.quote("x", "says", some, 1), Cost::UNPRICED);
    assert_eq!(prices.quote("x", "null", some, 1), Cost::UNPRICED);
    assert_eq!(prices.quote("x", "both", some, 1).usd, Some(1.0));
    // A price of 0 that somebody wrote down is a price.
    let free = prices.quote("x", "free", some, 1);
    assert_eq!((free.usd, free.state), (Some(0.0), CostState::Priced));
    assert_eq!(prices.status(0).without_tokens, 2);
    let table = prices.table();
    let both = table.find("x", "both").unwrap();
    assert_eq!(both.periods[0].beyond_tokens, ["input_cost_per_image"]);
}

#[test]
fn a_wrong_file_changes_nothing_until_it_is_right() {
    let files = Files::new();
    let text = |usd: &str| {
        format!("{{\"m\": {{\"litellm_provider\": \"x\", \"input_cost_per_token\": {usd}}}}}")
    };
    let path = files.put("p.json", &text("1e-6"));
    let prices = files.open(std::slice::from_ref(&path)).unwrap();
    let price = || prices.quote("x", "m", usage([1_000_000, 0, 0, 0, 0]), 1).usd;
    let version = prices.version();
    assert_eq!(prices.reload(false), Ok(false));
    files.put("p.json", "{\"m\": {\"input_cost");
    assert!(prices.reload(false).is_err());
    assert_eq!((price(), prices.version()), (Some(1.0), version));
    assert!(prices.status(0).failing.unwrap().contains("EOF"));
    // The same wrong file is not read again.
    assert_eq!(prices.reload(false), Ok(false));
    assert_eq!(prices.status(0).failures, 1);
    std::fs::remove_file(&path).unwrap();
    assert!(prices.reload(false).is_err());
    assert_eq!(price(), Some(1.0));
    files.put("p.json", &text("2e-6"));
    assert_eq!(prices.reload(false), Ok(true));
    assert_eq!((price(), prices.status(0).failing), (Some(2.0), None));
    assert_ne!(prices.version(), version);
    files.put("p.json", &text("1e-6"));
    assert_eq!(prices.reload(true), Ok(true));
    assert_eq!(prices.version(), version, "the version follows from what the table says");
}

#[test]
fn prices_change_under_load_without_a_wrong_answer() {
    let files = Files::new();
    let text = |usd: &str| {
        format!("{{\"m\": {{\"litellm_provider\": \"x\", \"input_cost_per_token\": {usd}}}}}")
    };
    let path = files.put("p.json", &text("1e-6"));
    let prices = Arc::new(files.open(&[path]).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..3)
        .map(|thread| {
            let (prices, done) = (Arc::clone(&prices), Arc::clone(&done));
            std::thread::spawn(move || {
                let name = format!("other-{thread}");
                while !done.load(Ordering::Relaxed) {
                    let usd = prices.quote("x", "m", usage([1_000_000, 0, 0, 0, 0]), 1).usd;
                    assert!(usd == Some(1.0) || usd == Some(2.0), "{usd:?}");
                    let none = prices.quote("x", &name, usage([1, 0, 0, 0, 0]), 1);
                    assert_eq!(none, Cost::UNPRICED);
                }
            })
        })
        .collect();
    for round in 0..40 {
        files.put("p.json", &text(if round % 2 == 0 { "2e-6" } else { "1e-6" }));
        prices.reload(true).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    asking.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_quote_adds_up_to_its_cost() {
    let prices = Prices::builtin();
    let asked = ("anthropic", "claude-sonnet-4-20250514");
    let tokens = usage([3_010, 1_000, 2_000, 100, 0]);
    let quote = prices.explain(asked, tokens, ServiceTier::Standard, NEW_YEAR_NS);
    let sum: f64 = quote.lines.iter().map(|line| line.usd).sum();
    assert!((sum - 0.009_33).abs() < 1e-15);
    assert_eq!(quote.cost.usd, Some(0.009_33));
    let kinds: Vec<_> = quote.lines.iter().map(|it| (it.kind, it.tokens)).collect();
    let expected = [("input", 10), ("cached", 1_000), ("cache_write", 2_000), ("output", 100)];
    assert_eq!(kinds, expected);
    let none = prices.explain(("openai", "what"), tokens, ServiceTier::Standard, 1);
    assert_eq!((none.cost, none.notes.len()), (Cost::UNPRICED, 1));
}

const MODELS: [(&str, &str); 6] = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-5"),
    ("gcp.gemini", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),
];

proptest! {
    #[test]
    fn costs_are_never_negative_and_grow_with_tokens(
        model in 0..MODELS.len(),
        tokens in proptest::array::uniform5(0_u64..300_000),
        more in 0_u64..100_000,
    ) {
        let prices = Prices::builtin();
        let (provider, name) = MODELS[model];
        let cost = |tokens| {
            let cost = prices.quote(provider, name, usage(tokens), NEW_YEAR_NS);
            cost.usd.unwrap_or(0.0)
        };
        let [input, cached, written, output, reasoning] = tokens;
        prop_assert!(cost(tokens) >= 0.0);
        prop_assert!(cost([input, cached, written, output + more, reasoning]) >= cost(tokens));
        let parts = cached + written;
        let whole = [input + parts, cached, written, output, reasoning.min(output)];
        let longer = [input + parts + more, cached, written, output, reasoning.min(output)];
        prop_assert!(cost(longer) >= cost(whole));
        // What is read from the cache is no dearer than what is not.
        let plain = [input + parts, 0, 0, output, 0];
        let read = [input + parts, cached, 0, output, 0];
        prop_assert!(cost(read) <= cost(plain) + 1e-12);
    }

    #[test]
    fn costs_add_up_within_a_tier(
        model in 0..MODELS.len(),
        one in proptest::array::uniform2(1_u64..50_000),
        other in proptest::array::uniform2(1_u64..50_000),
    ) {
        let prices = Prices::builtin();
        let (provider, name) = MODELS[model];
        let cost = |input, output| {
            prices.quote(provider, name, usage([input, 0, 0, output, 0]), NEW_YEAR_NS).usd.unwrap()
        };
        let sum = cost(one[0], one[1]) + cost(other[0], other[1]);
        prop_assert!((cost(one[0] + other[0], one[1] + other[1]) - sum).abs() < 1e-12);
    }

    #[test]
    fn any_name_and_any_file_are_survived(name in ".{0,60}", text in ".{0,200}") {
        let prices = Prices::builtin();
        for provider in ["openai", "aws.bedrock", "gcp.gemini", "mistral_ai", "unknown"] {
            prices.quote(provider, &name, usage([1, 0, 0, 1, 0]), 1);
        }
        let _ = super::file::read("p", text.as_bytes(), 0);
    }
}
