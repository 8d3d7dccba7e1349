//! One request to a provider counts once, though it may be told twice: by the call of a model,
//! which is a request of its own, and by a request reported below it.
//!
//! A request whose parent is a call of a model is that call's own request if both had the same
//! outcome; whichever arrives first is counted. Further requests below the call are attempts that
//! were made again, and count. So it does not matter in which order they arrive.

use super::super::snapshot::{Reader, SnapshotError, Writer};
use super::lineage::{Recent, mix};
use crate::limits;
use crate::model::{Span, SpanId};

/// The half that has arrived and waits for the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Call,
    Request,
}

/// Calls and requests that arrived lately.
#[derive(Debug)]
pub(super) struct Pairs(Recent<Half>);

impl Pairs {
    /// An empty memory.
    pub(super) fn new() -> Self {
        Self(Recent::new(limits::PROVIDER_PAIRS))
    }

    /// A call of a model has arrived. Whether it is a request that was not counted yet.
    pub(super) fn call(&mut self, span: &Span<'_>, failed: bool) -> bool {
        let key = key(span, span.span_id, failed);
        if self.0.get(key) == Some(Half::Request) {
            self.0.remove(key);
            return false;
        }
        self.0.insert(key, Half::Call);
        true
    }

    /// A request to a provider has arrived. Whether it was not counted yet.
    pub(super) fn request(&mut self, span: &Span<'_>, failed: bool) -> bool {
        let Some(parent) = span.parent_span_id else { return true };
        let key = key(span, parent, failed);
        if self.0.get(key) == Some(Half::Call) {
            self.0.remove(key);
            return false;
        }
        self.0.insert(key, Half::Request);
        true
    }

    /// Writes it into a snapshot.
    pub(super) fn write(&self, out: &mut Writer) {
        self.0.write(out, |half, out| out.number(u32::from(*half == Half::Request)));
    }

    /// Reads what `write` wrote.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let half = |reader: &mut Reader<'_>| match reader.number()? {
            0 => Ok(Half::Call),
            1 => Ok(Half::Request),
            _ => Err(SnapshotError::Damaged),
        };
        Recent::read(reader, limits::PROVIDER_PAIRS, half).map(Self)
    }
}

fn key(span: &Span<'_>, id: SpanId, failed: bool) -> u64 {
    mix(span.trace_id.digest(), id.digest()) ^ u64::from(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::measures::tests::span;

    /// A call of a model with id 1, or a request below it.
    #[derive(Debug, Clone, Copy)]
    enum Arrival {
        Call { failed: bool },
        Request { failed: bool },
    }

    fn counted(pairs: &mut Pairs, arrivals: &[Arrival]) -> usize {
        let id = |byte| SpanId::from_bytes(&[byte; 8]).unwrap();
        let call = Span { span_id: id(1), ..span(1.0) };
        let request = Span { span_id: id(2), parent_span_id: Some(id(1)), ..span(1.0) };
        let count = |arrival: &&Arrival| match **arrival {
            Arrival::Call { failed } => pairs.call(&call, failed),
            Arrival::Request { failed } => pairs.request(&request, failed),
        };
        arrivals.iter().filter(count).count()
    }

    #[test]
    fn a_request_counts_once_in_any_order() {
        use Arrival::{Call, Request};
        let (call, good) = (Call { failed: false }, Request { failed: false });
        let bad = Request { failed: true };
        for (arrivals, expected) in [
            (&[call, good][..], 1),
            (&[good, call], 1),
            // A second attempt that succeeded after two that failed: three requests.
            (&[bad, bad, good, call], 3),
            (&[call, bad, bad, good], 3),
            (&[bad, call, good, bad], 3),
            (&[call], 1),
            (&[good, good], 2),
        ] {
            assert_eq!(counted(&mut Pairs::new(), arrivals), expected, "{arrivals:?}");
        }
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let mut pairs = Pairs::new();
        assert_eq!(counted(&mut pairs, &[Arrival::Call { failed: true }]), 1);
        let mut out = Writer(Vec::new());
        pairs.write(&mut out);
        let mut pairs = Pairs::read(&mut Reader(&out.0)).unwrap();
        assert_eq!(counted(&mut pairs, &[Arrival::Request { failed: true }]), 0);
    }
}
