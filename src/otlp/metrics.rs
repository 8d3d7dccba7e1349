//! Lending points out of a metrics request.

use super::read::{attribute, messages, records};
use super::schema::Kind;
use super::wire::{Content, Fields, WireError};
use crate::limits;
use crate::model::{Attribute, Metric, MetricKind, Origin, Point, PointValue, Temporality};

/// Calls `visit` with every point of a metrics request, its metric and where it came from.
/// Exemplars are passed over.
pub fn points<'a>(
    batch: &'a [u8],
    mut visit: impl FnMut(&Origin<'a>, &Metric<'a>, &Point<'a>),
) -> Result<(), WireError> {
    records(batch, |origin, bytes| {
        let Some((metric, data)) = metric(bytes)? else { return Ok(()) };
        for bytes in messages(data, 1) {
            visit(origin, &metric, &point(metric.kind, bytes?)?);
        }
        Ok(())
    })
}

/// Calls `visit` with the attributes of every resource of a request.
pub fn resources<'a>(
    batch: &'a [u8],
    mut visit: impl FnMut(&[Attribute<'a>]),
) -> Result<(), WireError> {
    for group in messages(batch, 1) {
        let mut attributes = Vec::new();
        for resource in messages(group?, 1) {
            for entry in messages(resource?, 1) {
                attributes.push(attribute(entry?, 0)?);
            }
        }
        visit(&attributes);
    }
    Ok(())
}

/// A metric and the message that holds its points; `None` where there are none.
fn metric(bytes: &[u8]) -> Result<Option<(Metric<'_>, &[u8])>, WireError> {
    let (mut name, mut description, mut unit, mut data) = ("", "", "", None);
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => name = field.content.text()?,
            2 => description = field.content.text()?,
            3 => unit = field.content.text()?,
            number @ (5 | 7 | 9 | 10 | 11) => data = Some((number, field.content.bytes()?)),
            _ => {}
        }
    }
    let Some((number, data)) = data else { return Ok(None) };
    let (mut temporality, mut monotonic) = (Temporality::default(), false);
    for field in Fields::of(data) {
        let field = field?;
        match (number, field.number) {
            (7 | 9 | 10, 2) => {
                temporality = match field.content.varint()? {
                    1 => Temporality::Delta,
                    2 => Temporality::Cumulative,
                    _ => Temporality::Unspecified,
                };
            }
            (7, 3) => monotonic = field.content.varint()? != 0,
            _ => {}
        }
    }
    let kind = match number {
        5 => MetricKind::Gauge,
        7 => MetricKind::Sum { monotonic, temporality },
        9 => MetricKind::Histogram(temporality),
        10 => MetricKind::Exponential(temporality),
        _ => MetricKind::Summary,
    };
    Ok(Some((Metric { name, description, unit, kind }, data)))
}

fn point(kind: MetricKind, bytes: &[u8]) -> Result<Point<'_>, WireError> {
    // The five kinds of points are three layouts.
    let (own, flags) = match kind {
        MetricKind::Exponential(_) => (1, 10),
        MetricKind::Histogram(_) => (9, 10),
        _ => (7, 8),
    };
    let (mut attributes, mut start_ns, mut time_ns, mut no_value) = (Vec::new(), 0, 0, false);
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            2 => start_ns = field.content.fixed64()?,
            3 => time_ns = field.content.fixed64()?,
            number if number == own => attributes.push(attribute(field.content.bytes()?, 0)?),
            number if number == flags => no_value = field.content.varint()? & 1 != 0,
            _ => {}
        }
    }
    let value = match kind {
        MetricKind::Gauge | MetricKind::Sum { .. } => number(bytes)?,
        MetricKind::Histogram(_) => histogram(bytes)?,
        MetricKind::Exponential(_) => exponential_histogram(bytes)?,
        MetricKind::Summary => summary(bytes)?,
    };
    Ok(Point { attributes, start_ns, time_ns, no_value, value })
}

fn number(bytes: &[u8]) -> Result<PointValue, WireError> {
    let mut value = PointValue::Missing;
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            4 => value = PointValue::Number(double(field.content)?),
            6 => value = PointValue::Number(field.content.fixed64()?.cast_signed() as f64),
            _ => {}
        }
    }
    Ok(value)
}

fn histogram(bytes: &[u8]) -> Result<PointValue, WireError> {
    let (mut count, mut sum, mut counts, mut bounds) = (0, None, Vec::new(), Vec::new());
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            4 => count = field.content.fixed64()?,
            5 => sum = Some(double(field.content)?),
            6 => each(field.content, Kind::Fixed64, |number| {
                push(&mut counts, number.fixed64()?);
                Ok(())
            })?,
            7 => each(field.content, Kind::Double, |number| {
                push(&mut bounds, double(number)?);
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(PointValue::Histogram { count, sum, counts, bounds })
}

fn exponential_histogram(bytes: &[u8]) -> Result<PointValue, WireError> {
    let (mut count, mut sum, mut scale, mut zero_count, mut zero_threshold) = (0, None, 0, 0, 0.0);
    let (mut positive, mut negative) = ((0, Vec::new()), 0_u64);
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            4 => count = field.content.fixed64()?,
            5 => sum = Some(double(field.content)?),
            6 => scale = zigzag(field.content)?,
            7 => zero_count = field.content.fixed64()?,
            8 => positive = buckets(field.content.bytes()?)?,
            9 => {
                let (_, counts) = buckets(field.content.bytes()?)?;
                negative = counts.into_iter().fold(0, u64::saturating_add);
            }
            14 => zero_threshold = double(field.content)?,
            _ => {}
        }
    }
    Ok(PointValue::Exponential {
        count,
        sum,
        scale,
        zero_count,
        zero_threshold,
        positive,
        negative,
    })
}

fn buckets(bytes: &[u8]) -> Result<(i32, Vec<u64>), WireError> {
    let (mut offset, mut counts) = (0, Vec::new());
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => offset = zigzag(field.content)?,
            2 => each(field.content, Kind::Uint64, |number| {
                push(&mut counts, number.varint()?);
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok((offset, counts))
}

fn summary(bytes: &[u8]) -> Result<PointValue, WireError> {
    let (mut count, mut sum, mut quantiles) = (0, 0.0, Vec::new());
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            4 => count = field.content.fixed64()?,
            5 => sum = double(field.content)?,
            6 => {
                let mut pair = (0.0, 0.0);
                for field in Fields::of(field.content.bytes()?) {
                    let field = field?;
                    match field.number {
                        1 => pair.0 = double(field.content)?,
                        2 => pair.1 = double(field.content)?,
                        _ => {}
                    }
                }
                push(&mut quantiles, pair);
            }
            _ => {}
        }
    }
    Ok(PointValue::Summary { count, sum, quantiles })
}

/// Keeps a number of a list, of which one more than is allowed tells that they are too many.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() <= limits::POINT_BUCKETS {
        list.push(item);
    }
}

/// The numbers of a repeated field, which may be packed or not.
fn each<'a>(
    content: Content<'a>,
    kind: Kind,
    mut take: impl FnMut(Content<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let Content::Bytes(mut rest) = content else { return take(content) };
    while !rest.is_empty() {
        take(Content::take_packed(kind, &mut rest)?)?;
    }
    Ok(())
}

fn double(content: Content<'_>) -> Result<f64, WireError> {
    Ok(f64::from_bits(content.fixed64()?))
}

/// A `sint32`.
fn zigzag(content: Content<'_>) -> Result<i32, WireError> {
    let number = u32::try_from(content.varint()?).map_err(|_| WireError::InvalidTag)?;
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{
        ExponentialHistogram, ExponentialHistogramDataPoint, HistogramDataPoint, Metric as Theirs,
        ResourceMetrics, ScopeMetrics, number_data_point,
    };
    use prost::Message as _;

    use super::*;

    fn fixtures() -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
        let folders = std::fs::read_dir(root).unwrap().flatten();
        let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten();
        let files = files
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().ends_with(".metrics.pb"));
        files.map(|file| std::fs::read(file.path()).unwrap()).collect()
    }

    fn all(body: &[u8]) -> Vec<(Metric<'_>, Point<'_>)> {
        let mut found = Vec::new();
        points(body, |_, metric, point| found.push((*metric, point.clone()))).unwrap();
        found
    }

    fn check_histogram(ours: &PointValue, theirs: &HistogramDataPoint) {
        let PointValue::Histogram { count, sum, counts, bounds } = ours else { panic!("{ours:?}") };
        assert_eq!((*count, *sum), (theirs.count, theirs.sum));
        assert_eq!((counts, bounds), (&theirs.bucket_counts, &theirs.explicit_bounds));
    }

    /// What prost decodes from the recorded bodies, we read as well.
    #[test]
    fn agrees_with_prost_on_recorded_bodies() {
        let mut seen = 0;
        for body in fixtures() {
            let request = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
            let mut ours = all(&body).into_iter();
            let scopes = request.resource_metrics.iter().flat_map(|group| &group.scope_metrics);
            for theirs in scopes.flat_map(|scope| &scope.metrics) {
                let mut next = || {
                    seen += 1;
                    let (metric, point) = ours.next().unwrap();
                    let head = (metric.name, metric.description, metric.unit);
                    let expected = (&*theirs.name, &*theirs.description, &*theirs.unit);
                    assert_eq!(head, expected);
                    (metric, point)
                };
                match theirs.data.as_ref().unwrap() {
                    Data::Sum(sum) => {
                        for theirs in &sum.data_points {
                            let (metric, point) = next();
                            let MetricKind::Sum { monotonic, temporality } = metric.kind else {
                                panic!("{metric:?}")
                            };
                            assert_eq!(monotonic, sum.is_monotonic);
                            assert_eq!(temporality as i32, sum.aggregation_temporality);
                            assert_eq!(point.attributes.len(), theirs.attributes.len());
                            let times = (theirs.start_time_unix_nano, theirs.time_unix_nano);
                            assert_eq!((point.start_ns, point.time_ns), times);
                            let number = match theirs.value.unwrap() {
                                number_data_point::Value::AsDouble(number) => number,
                                number_data_point::Value::AsInt(number) => number as f64,
                            };
                            assert_eq!(point.value, PointValue::Number(number));
                        }
                    }
                    Data::Gauge(gauge) => gauge.data_points.iter().for_each(|_| drop(next())),
                    Data::Histogram(histogram) => {
                        for theirs in &histogram.data_points {
                            let (_, point) = next();
                            assert_eq!(point.attributes.len(), theirs.attributes.len());
                            check_histogram(&point.value, theirs);
                        }
                    }
                    other => panic!("no fixture has {other:?}"),
                }
            }
            assert!(ours.next().is_none());
        }
        assert!(seen > 5, "{seen}");
    }

    #[test]
    fn exponential_histograms_and_flags() {
        let buckets = |offset| Buckets { offset, bucket_counts: vec![1, 0, 300] };
        let point = ExponentialHistogramDataPoint {
            count: 602,
            sum: Some(-1.5),
            scale: -3,
            zero_count: 0,
            positive: Some(buckets(-7)),
            negative: Some(buckets(5)),
            flags: 1,
            zero_threshold: 0.25,
            time_unix_nano: 9,
            ..Default::default()
        };
        let histogram =
            ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 };
        let metric = Theirs {
            name: "e".to_owned(),
            data: Some(Data::ExponentialHistogram(histogram)),
            ..Default::default()
        };
        let scope = ScopeMetrics { metrics: vec![metric], ..Default::default() };
        let group = ResourceMetrics { scope_metrics: vec![scope], ..Default::default() };
        let body = ExportMetricsServiceRequest { resource_metrics: vec![group] }.encode_to_vec();
        let found = all(&body);
        let (metric, point) = &found[0];
        assert_eq!(metric.kind, MetricKind::Exponential(Temporality::Delta));
        assert!(point.no_value && point.time_ns == 9);
        let expected = PointValue::Exponential {
            count: 602,
            sum: Some(-1.5),
            scale: -3,
            zero_count: 0,
            zero_threshold: 0.25,
            positive: (-7, vec![1, 0, 300]),
            negative: 301,
        };
        assert_eq!(point.value, expected);
    }
}
