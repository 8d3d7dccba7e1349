//! How spans are read: what they mean, and what the calls among them cost.

use std::fmt;
use std::sync::Arc;

use super::cost::{NoPrices, Pricing};
use super::operation::{Operation, Understanding};
use super::origin::Origin;
use super::span::Span;

/// Reads the meaning of a span: `semconv::understand`.
pub type ReadSpan = for<'a> fn(&Origin<'a>, &Span<'a>) -> Understanding<'a>;

/// Understands spans and knows prices. Cheap to clone.
#[derive(Clone)]
pub struct Understand {
    read: ReadSpan,
    prices: Arc<dyn Pricing>,
}

impl Understand {
    /// Reads with `read`, and prices what it finds.
    pub fn new(read: ReadSpan, prices: Arc<dyn Pricing>) -> Self {
        Self { read, prices }
    }

    /// Reads with `read`, and knows no prices.
    pub fn unpriced(read: ReadSpan) -> Self {
        Self::new(read, Arc::new(NoPrices))
    }

    /// What a span describes, and what it cost by the prices of its time.
    pub fn span<'a>(&self, origin: &Origin<'a>, span: &Span<'a>) -> Understanding<'a> {
        let mut known = (self.read)(origin, span);
        if let Operation::Llm(call) = &mut known.operation {
            self.prices.price(call, span.start_ns);
        }
        known
    }

    /// The prices.
    pub fn prices(&self) -> &dyn Pricing {
        &*self.prices
    }
}

impl fmt::Debug for Understand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Understand").finish_non_exhaustive()
    }
}
