//! Costs of stored calls after prices were corrected: in the log, in a block, and in a merged one.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::model::{Cost, CostSource, CostState, LlmCall, Pricing, Rates, Understand, Usage};
use crate::storage::block::double::Shelves;
use crate::storage::index::double::{index_of, understand};
use crate::storage::query::store::Store as _;

/// So many femtodollars for each token of every model but `none`; the price is the version.
struct Flat(AtomicU64);

impl Pricing for Flat {
    fn cost(&self, call: &LlmCall<'_>, _: u64) -> Cost {
        let said = Cost::said(call);
        let price = self.0.load(Ordering::Relaxed);
        if said.usd.is_some() || !call.usage.is_some() || call.model() == "none" && price < 3 {
            return said;
        }
        let rates = Self::rates(price);
        let (state, source) = (CostState::Priced, CostSource::File);
        Cost { usd: Some(rates.usd_of(&call.usage)), state, source, version: price }
    }

    fn quote(&self, _: &str, _: &str, _: Usage, _: u64) -> Cost {
        Cost::UNPRICED
    }

    fn price(&self, call: &mut LlmCall<'_>, at_ns: u64) {
        call.rates = Self::rates(self.0.load(Ordering::Relaxed));
        call.cost = self.cost(call, at_ns);
    }

    fn version(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Flat {
    fn rates(price: u64) -> Rates {
        let each = price * 1_000_000_000_000;
        Rates { input: each, cached: each, cache_write: each, output: each, reasoning: each }
    }
}

fn call(trace: u8, model: &str, input: &str) -> TestSpan {
    TestSpan {
        trace,
        attributes: attributes(&[("op", "chat"), ("model", model), ("in", input)]),
        ..TestSpan::default()
    }
}

/// Model, cost now, cost then, state.
type Told = (String, Option<f64>, Option<f64>, Option<CostState>);

fn costs(index: &Index) -> Vec<Told> {
    let query = RowQuery { fields: Fields::USAGE, ..RowQuery::default() };
    let mut told = Vec::new();
    index
        .rows(&query, Budget::default(), &mut |row| {
            let model = row.model.unwrap_or_default().to_owned();
            told.push((model, row.cost_usd, row.stored_cost_usd, row.cost_state));
            ControlFlow::Continue(())
        })
        .unwrap();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    told
}

#[test]
fn a_correction_reaches_the_log_and_every_block() {
    let prices = Arc::new(Flat(AtomicU64::new(1)));
    let understand = Understand::new(understand, Arc::clone(&prices) as Arc<dyn Pricing>);
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryLog::default());
    for (place, span) in
        [call(1, "a", "1000"), call(2, "b", "2000"), call(3, "none", "4000"), call(4, "d", "8000")]
            .into_iter()
            .enumerate()
    {
        log.append(&spans(&[span]), place > 0);
    }
    let index = index_of(&log, dir.path(), 300, understand.clone());
    let shelves = Shelves::understanding(dir.path(), 1, understand);
    let priced = |model: &str, now: f64, then: f64| {
        (model.to_owned(), Some(now), Some(then), Some(CostState::Priced))
    };
    let none = || ("none".to_owned(), None, None, Some(CostState::Unpriced));
    let first = [priced("a", 1.0, 1.0), priced("b", 2.0, 2.0), priced("d", 8.0, 8.0), none()];
    assert_eq!(costs(&index), first);
    // Three of the segments become blocks, by the prices of then.
    shelves.seal_closed(&*log);
    let index = index.with_blocks(Arc::clone(&shelves.catalog));
    assert_eq!(costs(&index), first);
    prices.0.store(2, Ordering::Relaxed);
    let second = [priced("a", 2.0, 1.0), priced("b", 4.0, 2.0), priced("d", 16.0, 16.0), none()];
    assert_eq!(costs(&index), second);
    shelves.merge_all();
    assert_eq!(costs(&index), second, "merged");
    // What had no price gets one.
    prices.0.store(3, Ordering::Relaxed);
    let became = ("none".to_owned(), Some(12.0), None, Some(CostState::Priced));
    let third = [priced("a", 3.0, 1.0), priced("b", 6.0, 2.0), priced("d", 24.0, 24.0), became];
    assert_eq!(costs(&index), third);
    // And what is right again is as it was.
    prices.0.store(1, Ordering::Relaxed);
    assert_eq!(costs(&index), first);
}
