//! Counting what an export request holds, before anything is made of it.
//!
//! One walk over the bytes, without allocation: a small request can name millions of items (two
//! bytes are an empty span), so bytes alone say nothing about the work it asks for. The walk
//! ends at the first bound that is crossed.

use super::wire::{Content, Fields, WireError};
use crate::limits;
use crate::model::Signal;

/// What one request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Spans, log records or data points.
    pub items: usize,
    /// Everything that an item, scope or resource may hold many of: attributes, elements of
    /// values, events, links, exemplars; also resources, scopes and metrics themselves.
    pub parts: usize,
}

/// Why a request was not counted to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// The bytes are no export request.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// More items than one request may hold, which are this many.
    #[error("the request holds more than {0} items")]
    TooManyItems(usize),
    /// More parts than one request may hold.
    #[error("the request holds more than {} attributes, events and links", limits::REQUEST_PARTS)]
    TooManyParts,
}

/// Counts a protobuf export request that may hold `most_items` items, and the parts that `limits`
/// allows for.
pub fn count(signal: Signal, request: &[u8], most_items: usize) -> Result<Count, CountError> {
    let mut counter = Counter { count: Count::default(), most_items, beginning: false };
    counter.request(signal, request)?;
    Ok(counter.count)
}

/// Counts what the beginning of a request holds: enough to refuse one that holds too much
/// before the rest of it is unpacked. Its end may be cut off anywhere.
pub fn count_beginning(
    signal: Signal,
    beginning: &[u8],
    most_items: usize,
) -> Result<Count, CountError> {
    let mut counter = Counter { count: Count::default(), most_items, beginning: true };
    match counter.request(signal, beginning) {
        Ok(()) | Err(CountError::Wire(WireError::Truncated)) => Ok(counter.count),
        Err(error) => Err(error),
    }
}

struct Counter {
    count: Count,
    most_items: usize,
    beginning: bool,
}

impl Counter {
    #[inline]
    fn fields<'a>(&self, message: &'a [u8]) -> Fields<'a> {
        if self.beginning { Fields::of_beginning(message) } else { Fields::of(message) }
    }

    fn request(&mut self, signal: Signal, request: &[u8]) -> Result<(), CountError> {
        for group in self.fields(request) {
            let group = group?;
            if group.number == 1 {
                self.part()?;
                self.group(signal, group.content.bytes()?)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn item(&mut self) -> Result<(), CountError> {
        self.count.items += 1;
        if self.count.items > self.most_items {
            Err(CountError::TooManyItems(self.most_items))
        } else {
            Ok(())
        }
    }

    #[inline]
    fn part(&mut self) -> Result<(), CountError> {
        self.count.parts += 1;
        if self.count.parts > limits::REQUEST_PARTS {
            Err(CountError::TooManyParts)
        } else {
            Ok(())
        }
    }

    /// `ResourceSpans`, `ResourceLogs`, `ResourceMetrics`: one layout for all.
    fn group(&mut self, signal: Signal, group: &[u8]) -> Result<(), CountError> {
        for field in self.fields(group) {
            let field = field?;
            match field.number {
                1 => self.owner(field.content.bytes()?, 1)?,
                2 => {
                    self.part()?;
                    self.scope_group(signal, field.content.bytes()?)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn scope_group(&mut self, signal: Signal, group: &[u8]) -> Result<(), CountError> {
        for field in self.fields(group) {
            let field = field?;
            match (field.number, signal) {
                (1, _) => self.owner(field.content.bytes()?, 3)?,
                (2, Signal::Traces) => {
                    self.item()?;
                    self.span(field.content.bytes()?)?;
                }
                (2, Signal::Logs) => {
                    self.item()?;
                    self.log_record(field.content.bytes()?)?;
                }
                (2, Signal::Metrics) => {
                    self.part()?;
                    self.metric(field.content.bytes()?)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A resource, scope, event, link or exemplar: a message with attributes in one field.
    fn owner(&mut self, message: &[u8], attributes: u32) -> Result<(), CountError> {
        for field in self.fields(message) {
            let field = field?;
            if field.number == attributes {
                self.attribute(field.content.bytes()?, 0)?;
            }
        }
        Ok(())
    }

    fn span(&mut self, span: &[u8]) -> Result<(), CountError> {
        for field in self.fields(span) {
            let field = field?;
            match field.number {
                9 => self.attribute(field.content.bytes()?, 0)?,
                11 => {
                    self.part()?;
                    self.owner(field.content.bytes()?, 3)?;
                }
                13 => {
                    self.part()?;
                    self.owner(field.content.bytes()?, 4)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn log_record(&mut self, record: &[u8]) -> Result<(), CountError> {
        for field in self.fields(record) {
            let field = field?;
            match field.number {
                5 => self.value(field.content.bytes()?, 0)?,
                6 => self.attribute(field.content.bytes()?, 0)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn metric(&mut self, metric: &[u8]) -> Result<(), CountError> {
        for field in self.fields(metric) {
            let field = field?;
            // Where a point keeps its attributes and its exemplars.
            let (attributes, exemplars) = match field.number {
                5 | 7 => (7, 5),
                9 => (9, 8),
                10 => (1, 11),
                11 => (7, u32::MAX),
                12 => {
                    self.attribute(field.content.bytes()?, 0)?;
                    continue;
                }
                _ => continue,
            };
            for point in self.fields(field.content.bytes()?) {
                let point = point?;
                if point.number == 1 {
                    self.item()?;
                    self.point(point.content.bytes()?, attributes, exemplars)?;
                }
            }
        }
        Ok(())
    }

    fn point(&mut self, point: &[u8], attributes: u32, exemplars: u32) -> Result<(), CountError> {
        for field in self.fields(point) {
            let field = field?;
            if field.number == attributes {
                self.attribute(field.content.bytes()?, 0)?;
            } else if field.number == exemplars {
                self.part()?;
                self.owner(field.content.bytes()?, 7)?;
            }
        }
        Ok(())
    }

    fn attribute(&mut self, attribute: &[u8], depth: usize) -> Result<(), CountError> {
        self.part()?;
        for field in self.fields(attribute) {
            let field = field?;
            if let (2, Content::Bytes(value)) = (field.number, field.content) {
                self.value(value, depth)?;
            }
        }
        Ok(())
    }

    /// Counts the elements of an `AnyValue`, down to the depth that readers follow.
    fn value(&mut self, value: &[u8], depth: usize) -> Result<(), CountError> {
        for field in self.fields(value) {
            let field = field?;
            let (5 | 6, Content::Bytes(list)) = (field.number, field.content) else { continue };
            // Deeper values are nobody's work: redaction rejects their item.
            if depth >= limits::VALUE_DEPTH {
                continue;
            }
            for element in self.fields(list) {
                let element = element?;
                match (element.number, field.number, element.content) {
                    (1, 5, Content::Bytes(value)) => {
                        self.part()?;
                        self.value(value, depth + 1)?;
                    }
                    (1, 6, Content::Bytes(attribute)) => self.attribute(attribute, depth + 1)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::REQUEST_ITEMS;
    use crate::otlp::write::{bytes_field, message_field};

    fn traces(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        message_field(&mut out, 1, |out| message_field(out, 2, fill));
        out
    }

    #[test]
    fn two_million_empty_spans_are_refused_after_the_bound() {
        let body = traces(|out| out.extend([0x12, 0x00].repeat(2_000_000)));
        assert_eq!(
            count(Signal::Traces, &body, REQUEST_ITEMS),
            Err(CountError::TooManyItems(REQUEST_ITEMS))
        );
        let body = traces(|out| out.extend([0x12, 0x00].repeat(REQUEST_ITEMS)));
        assert_eq!(count(Signal::Traces, &body, REQUEST_ITEMS).unwrap().items, REQUEST_ITEMS);
        let fewer = count(Signal::Traces, &body, REQUEST_ITEMS - 1);
        assert_eq!(fewer, Err(CountError::TooManyItems(REQUEST_ITEMS - 1)));
        let body = traces(|out| out.extend([0x12, 0x00].repeat(2 * REQUEST_ITEMS)));
        let more = count(Signal::Traces, &body, 2 * REQUEST_ITEMS).unwrap();
        assert_eq!(more.items, 2 * REQUEST_ITEMS);
    }

    #[test]
    fn a_beginning_tells_of_a_flood_and_of_nothing_else() {
        let body = traces(|out| out.extend([0x12, 0x00].repeat(2_000_000)));
        let flood = count_beginning(Signal::Traces, &body[..1 << 20], REQUEST_ITEMS);
        assert_eq!(flood, Err(CountError::TooManyItems(REQUEST_ITEMS)));
        let body = traces(|out| out.extend([0x12, 0x02, 0x4a, 0x00].repeat(100)));
        let whole = count(Signal::Traces, &body, REQUEST_ITEMS).unwrap();
        for cut in 0..body.len() {
            let part = count_beginning(Signal::Traces, &body[..cut], REQUEST_ITEMS).unwrap();
            assert!(part.items <= whole.items && part.parts <= whole.parts, "cut at {cut}");
        }
    }

    #[test]
    fn empty_attributes_and_elements_are_parts() {
        let many = [0x4a, 0x00].repeat(limits::REQUEST_PARTS);
        let body = traces(|out| bytes_field(out, 2, &many));
        assert_eq!(count(Signal::Traces, &body, REQUEST_ITEMS), Err(CountError::TooManyParts));
        let elements = [0x0a, 0x00].repeat(limits::REQUEST_PARTS);
        let body = traces(|out| {
            message_field(out, 2, |out| {
                message_field(out, 9, |out| {
                    message_field(out, 2, |out| bytes_field(out, 5, &elements));
                });
            });
        });
        assert_eq!(count(Signal::Traces, &body, REQUEST_ITEMS), Err(CountError::TooManyParts));
    }

    #[test]
    fn deep_values_end_the_walk() {
        let mut value = Vec::new();
        for _ in 0..10_000 {
            let mut outer = Vec::new();
            message_field(&mut outer, 5, |out| bytes_field(out, 1, &value));
            value = outer;
        }
        let body = traces(|out| {
            message_field(out, 2, |out| message_field(out, 9, |out| bytes_field(out, 2, &value)));
        });
        let count = count(Signal::Traces, &body, REQUEST_ITEMS).unwrap();
        assert!(count.parts < limits::VALUE_DEPTH + 10);
    }

    #[test]
    fn counts_agree_with_prost_on_recorded_bodies() {
        use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
        use opentelemetry_proto::tonic::metrics::v1::metric::Data;
        use prost::Message;
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/tests/fixtures/otlp/fastapi/014.metrics.pb");
        let body = std::fs::read(path).unwrap();
        let request = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
        let mut points = 0;
        for group in &request.resource_metrics {
            for metric in group.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                points += match metric.data.as_ref().unwrap() {
                    Data::Gauge(data) => data.data_points.len(),
                    Data::Sum(data) => data.data_points.len(),
                    Data::Histogram(data) => data.data_points.len(),
                    Data::ExponentialHistogram(data) => data.data_points.len(),
                    Data::Summary(data) => data.data_points.len(),
                };
            }
        }
        assert!(points > 0);
        assert_eq!(count(Signal::Metrics, &body, REQUEST_ITEMS).unwrap().items, points);
    }
}
