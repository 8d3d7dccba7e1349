//! From requests of apps to the page.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::metrics::page_grammar::{self, Family};
use crate::metrics::{Format, Page};

const SECOND: u64 = 1_000_000_000;
const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

/// An app's metrics, read and shown.
struct World {
    registry: Registry,
    app_metrics: AppMetrics,
    page: Page,
    now: u64,
}

impl World {
    fn new(options: AppMetricsOptions) -> Self {
        let registry = Registry::default();
        let app_metrics = AppMetrics::new(options, &registry);
        let page = Page::new(&registry);
        page.with(app_metrics.series());
        Self { registry, app_metrics, page, now: 1_000 * SECOND }
    }

    fn send(&mut self, request: &ExportMetricsServiceRequest) {
        let moment = Moment { arrived_ns: self.now, live: true };
        self.app_metrics.metrics(&request.encode_to_vec(), moment);
    }

    fn take(&mut self, metric: Metric) {
        self.send(&request("shop", "lib", vec![metric]));
    }

    /// The families of apps, after both forms of the page have been read strictly.
    fn families(&self) -> Vec<Family> {
        let open = self.page.render(Format::OpenMetrics);
        page_grammar::read(&open, true).unwrap_or_else(|what| panic!("{what}\n{open}"));
        let text = self.page.render(Format::Text);
        page_grammar::read(&text, false).unwrap_or_else(|what| panic!("{what}\n{text}"))
    }

    /// The value of the only sample that carries these labels.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let families = self.families();
        let samples = families.iter().flat_map(|family| &family.samples);
        let has = |sample: &page_grammar::Sample, key: &str, value: &str| {
            sample.labels.get(key).is_some_and(|found| found == value)
        };
        let mut found = samples.filter(|sample| {
            sample.name == name && labels.iter().all(|(key, value)| has(sample, key, value))
        });
        let value = found.next()?.value;
        assert!(found.next().is_none(), "{name} has several series");
        Some(value)
    }

    fn refused(&self, reason: &str) -> f64 {
        self.registry.total(&catalog::APP_METRICS_REFUSED, &[("reason", reason)])
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..Default::default() }
}

fn request(service: &str, scope: &str, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let attributes = vec![text("service.name", service), text("host.name", "a")];
    let scope = InstrumentationScope { name: scope.to_owned(), ..Default::default() };
    let scope_metrics = ScopeMetrics { scope: Some(scope), metrics, ..Default::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Default::default() }),
            scope_metrics: vec![scope_metrics],
            ..Default::default()
        }],
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    let (name, unit) = (name.to_owned(), unit.to_owned());
    Metric { name, unit, data: Some(data), ..Default::default() }
}

/// A number from `start` to `time`, in seconds.
fn number(start: u64, time: u64, value: f64) -> NumberDataPoint {
    NumberDataPoint {
        start_time_unix_nano: start * SECOND,
        time_unix_nano: time * SECOND,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..Default::default()
    }
}

fn sum(name: &str, temporality: i32, points: Vec<NumberDataPoint>) -> Metric {
    let data_points = points;
    let sum = Sum { data_points, aggregation_temporality: temporality, is_monotonic: true };
    metric(name, "", Data::Sum(sum))
}

fn gauge(name: &str, unit: &str, points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, Data::Gauge(Gauge { data_points: points }))
}

fn histogram(temporality: i32, point: HistogramDataPoint) -> Metric {
    let data_points = vec![point];
    let data = Histogram { data_points, aggregation_temporality: temporality };
    metric("stage.time", "s", Data::Histogram(data))
}

fn buckets(time: u64, counts: &[u64], bounds: &[f64]) -> HistogramDataPoint {
    HistogramDataPoint {
        start_time_unix_nano: SECOND,
        time_unix_nano: time * SECOND,
        count: counts.iter().sum(),
        sum: Some(1.5),
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..Default::default()
    }
}

#[test]
fn what_an_app_sends_is_on_the_page() {
    let mut world = World::new(AppMetricsOptions::default());
    let mut point = number(1, 10, 7.0);
    point.attributes = vec![text("http.route", "/a\"\\\n")];
    world.take(sum("agent.requests", CUMULATIVE, vec![point]));
    world.take(gauge("cache.fill", "1", vec![number(0, 10, 0.25)]));
    world.take(histogram(CUMULATIVE, buckets(10, &[1, 2, 3], &[0.5, 1.0])));
    let families = world.families();
    let kind = |name: &str| families.iter().find(|it| it.name == name).unwrap().kind.clone();
    assert_eq!(kind("agent_requests_total"), "counter");
    assert_eq!(kind("cache_fill_ratio"), "gauge");
    assert_eq!(kind("stage_time_seconds"), "histogram");
    assert_eq!(world.value("agent_requests_total", &[("job", "shop")]), Some(7.0));
    assert_eq!(world.value("stage_time_seconds_bucket", &[("le", "1")]), Some(3.0));
    assert_eq!(world.value("stage_time_seconds_count", &[]), Some(6.0));
    assert_eq!(world.value("stage_time_seconds_sum", &[]), Some(1.5));
    assert_eq!(world.value("target_info", &[("job", "shop"), ("host_name", "a")]), Some(1.0));
    assert_eq!(world.value("pharos_app_metrics_series", &[]), Some(8.0));
    assert_eq!(world.registry.total(&catalog::APP_METRICS_POINTS, &[]), 3.0);
}

#[test]
fn deltas_add_up_over_a_restart_and_a_retry() {
    let mut world = World::new(AppMetricsOptions::default());
    let delta = |start, time, value| sum("jobs", DELTA, vec![number(start, time, value)]);
    world.take(delta(1, 2, 3.0));
    world.take(delta(2, 3, 4.0));
    world.take(delta(2, 3, 4.0));
    assert_eq!(world.value("jobs_total", &[]), Some(7.0), "a retry adds nothing");
    assert_eq!(world.refused("out_of_order"), 1.0);
    world.take(histogram(DELTA, buckets(2, &[1, 2, 3], &[0.5, 1.0])));
    let kept = world.app_metrics.snapshot();
    let mut after = World::new(AppMetricsOptions::default());
    after.app_metrics.restore(&kept).unwrap();
    assert_eq!(after.families().len(), world.families().len());
    after.take(delta(2, 3, 4.0));
    after.take(delta(3, 4, 0.5));
    after.take(histogram(DELTA, buckets(3, &[1, 0, 0], &[0.5, 1.0])));
    assert_eq!(after.value("jobs_total", &[]), Some(7.5));
    assert_eq!(after.value("stage_time_seconds_bucket", &[("le", "0.5")]), Some(2.0));
    assert_eq!(after.value("stage_time_seconds_sum", &[]), Some(3.0));
    for cut in 0..kept.len() {
        assert!(after.app_metrics.restore(&kept[..cut]).is_err(), "{cut}");
    }
    assert_eq!(after.value("jobs_total", &[]), Some(7.5), "what cannot be read changes nothing");
}

#[test]
fn a_cumulative_value_is_shown_as_it_came() {
    let mut world = World::new(AppMetricsOptions::default());
    let send = |world: &mut World, start, time, value| {
        world.take(sum("jobs", CUMULATIVE, vec![number(start, time, value)]));
        world.value("jobs_total", &[]).unwrap()
    };
    assert_eq!(send(&mut world, 1, 10, 5.0), 5.0);
    assert_eq!(send(&mut world, 1, 20, 9.0), 9.0);
    assert_eq!(send(&mut world, 1, 30, 8.0), 9.0, "it fell without a start");
    assert_eq!(world.refused("backwards"), 1.0);
    assert_eq!(send(&mut world, 1, 15, 6.0), 9.0, "it came late");
    assert_eq!(send(&mut world, 40, 50, 2.0), 2.0, "the app was started again");
    assert_eq!(send(&mut world, 1, 60, 20.0), 2.0, "another process under the same name");
    assert_eq!(world.refused("out_of_order"), 2.0);
    world.take(sum("jobs", DELTA, vec![number(50, 70, 1.0)]));
    world.take(sum("jobs", 0, vec![number(50, 70, 1.0)]));
    assert_eq!(world.refused("temporality"), 2.0);
    assert_eq!(world.value("jobs_total", &[]), Some(2.0));
}

#[test]
fn what_cannot_be_shown_is_refused_with_a_reason() {
    let mut world = World::new(AppMetricsOptions::default());
    let mut check = |reason: &str, metric: Metric| {
        let before = world.refused(reason);
        world.take(metric);
        assert_eq!(world.refused(reason), before + 1.0, "{reason}");
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check("not_finite", gauge("g", "", vec![number(0, 1, bad)]));
    }
    check("backwards", sum("c", CUMULATIVE, vec![number(0, 1, -1.0)]));
    check("backwards", sum("c", DELTA, vec![number(0, 1, -1.0)]));
    check("malformed", gauge("g", "", vec![NumberDataPoint::default()]));
    for (counts, bounds) in [
        (&[1, 2][..], &[1.0, 2.0][..]),
        (&[1, 2, 3], &[2.0, 1.0]),
        (&[1, 2, 3], &[1.0, 1.0]),
        (&[1, 2, 3], &[1.0, f64::NAN]),
        (&[1], &[1.0]),
    ] {
        check("malformed", histogram(CUMULATIVE, buckets(1, counts, bounds)));
    }
    let wrong = HistogramDataPoint { count: 9, ..buckets(1, &[1, 2], &[1.0]) };
    check("malformed", histogram(CUMULATIVE, wrong));
    let many: Vec<f64> = (0..200).map(f64::from).collect();
    check("too_large", histogram(CUMULATIVE, buckets(1, &[0; 201], &many)));
    check("name", gauge("", "", vec![number(0, 1, 1.0)]));
    check("name", gauge("☃", "", vec![number(0, 1, 1.0)]));
    let mut wide = number(0, 1, 1.0);
    wide.attributes = (0..100).map(|index| text(&format!("a{index}"), "x")).collect();
    check("too_large", gauge("wide", "", vec![wide]));
    let twice = vec![ValueAtQuantile { quantile: 0.5, value: 1.0 }; 2];
    let data_points = vec![SummaryDataPoint { quantile_values: twice, ..Default::default() }];
    check("malformed", metric("s", "", Data::Summary(Summary { data_points })));
    assert!(world.families().iter().all(|family| family.name != "g"));
}

#[test]
fn names_of_pharos_and_of_others_stay_theirs() {
    let mut world = World::new(AppMetricsOptions::default());
    world.registry.counter(&catalog::LLM_REQUESTS, &["openai", "gpt-4o", "success"]).increment(5);
    world.take(sum("llm.requests", CUMULATIVE, vec![number(1, 2, 3.0)]));
    assert_eq!(world.value("llm_requests_total", &[("status", "success")]), Some(5.0));
    assert_eq!(world.value("app_llm_requests_total", &[]), Some(3.0));
    // Of one name and two kinds the first counts, and what OpenMetrics could not tell apart.
    world.take(gauge("depth", "", vec![number(0, 1, 1.0)]));
    world.take(sum("depth", CUMULATIVE, vec![number(1, 2, 3.0)]));
    world.take(metric("depth", "", histogram(CUMULATIVE, buckets(1, &[1], &[])).data.unwrap()));
    world.take(gauge("stage.time.seconds.count", "", vec![number(0, 1, 1.0)]));
    world.take(histogram(CUMULATIVE, buckets(1, &[1], &[])));
    assert_eq!(world.refused("conflict"), 3.0);
    assert_eq!(world.value("depth", &[]), Some(1.0));
    // Two apps have series of one family; two libraries of one app are told apart.
    world.send(&request("bar", "lib", vec![gauge("depth", "", vec![number(0, 1, 2.0)])]));
    world.send(&request("bar", "other", vec![gauge("depth", "", vec![number(0, 1, 3.0)])]));
    assert_eq!(world.value("depth", &[("job", "shop")]), Some(1.0));
    assert_eq!(world.value("depth", &[("otel_scope_name", "other")]), Some(3.0));
    assert_eq!(world.refused("conflict"), 3.0);
    // Names that become one are one series, which is the first one's.
    world.take(gauge("a.b", "", vec![number(0, 1, 1.0)]));
    world.send(&request("shop", "", vec![gauge("a_b", "", vec![number(0, 1, 2.0)])]));
    assert_eq!(world.refused("conflict"), 4.0);
    assert_eq!(world.value("a_b", &[]), Some(1.0));
}

#[test]
fn a_series_leaves_when_nothing_comes_any_more() {
    let mut world = World::new(AppMetricsOptions::default());
    world.app_metrics.tick(world.now);
    world.take(gauge("old", "", vec![number(0, 1, 1.0)]));
    let mut gone = number(0, 1, 1.0);
    gone.flags = 1;
    world.take(gauge("told", "", vec![number(0, 1, 1.0)]));
    world.take(gauge("told", "", vec![gone]));
    assert_eq!(world.value("told", &[]), None, "the app said so");
    world.now += 200 * SECOND;
    world.take(gauge("new", "", vec![number(0, 1, 1.0)]));
    world.app_metrics.tick(world.now + 150 * SECOND);
    assert_eq!(world.value("old", &[]), None);
    assert_eq!(world.value("new", &[]), Some(1.0));
    // Its name is free again, for another kind as well.
    world.take(sum("old", CUMULATIVE, vec![number(1, 2, 3.0)]));
    assert_eq!(world.value("old_total", &[]), Some(3.0));
    world.app_metrics.tick(world.now + 10_000 * SECOND);
    assert_eq!(world.value("pharos_app_metrics_series", &[]), Some(0.0));
    assert_eq!(world.registry.total(&catalog::APP_METRICS_EXPIRED, &[]), 4.0);
}

#[test]
fn a_restart_is_no_silence() {
    let mut world = World::new(AppMetricsOptions::default());
    world.take(sum("jobs", DELTA, vec![number(1, 2, 3.0)]));
    let kept = world.app_metrics.snapshot();
    let mut after = World::new(AppMetricsOptions::default());
    after.app_metrics.restore(&kept).unwrap();
    let late = world.now + 3_600 * SECOND;
    after.app_metrics.tick(late);
    after.app_metrics.tick(late + 299 * SECOND);
    assert_eq!(after.value("jobs_total", &[]), Some(3.0));
    after.app_metrics.tick(late + 301 * SECOND);
    assert_eq!(after.value("jobs_total", &[]), None);
}

#[test]
fn exponential_histograms_have_buckets_that_stay() {
    let mut world = World::new(AppMetricsOptions::default());
    let point = |time, offset| ExponentialHistogramDataPoint {
        start_time_unix_nano: SECOND,
        time_unix_nano: time * SECOND,
        count: 4,
        sum: Some(5.0),
        scale: 3,
        zero_count: 1,
        positive: Some(Buckets { offset, bucket_counts: vec![1, 0, 2] }),
        ..Default::default()
    };
    let metric = |point| {
        let data_points = vec![point];
        let data = ExponentialHistogram { data_points, aggregation_temporality: DELTA };
        metric("wait", "s", Data::ExponentialHistogram(data))
    };
    // From 1 to 1.4, then from 2 to 2.8.
    world.take(metric(point(2, 0)));
    world.take(metric(point(3, 8)));
    let at = |world: &World, le| world.value("wait_seconds_bucket", &[("le", le)]).unwrap();
    assert_eq!([at(&world, "1"), at(&world, "2"), at(&world, "4")], [2.0, 5.0, 8.0]);
    assert_eq!(world.value("wait_seconds_sum", &[]), Some(10.0));
}

#[test]
fn a_million_label_sets_are_a_bounded_table() {
    let options = AppMetricsOptions { series: 500, series_per_metric: 200, ..Default::default() };
    let mut world = World::new(options);
    for round in 0..1_000_u64 {
        let points = (0..1_000_u64).map(|index| {
            let mut point = number(0, 1, 1.0);
            point.attributes = vec![text("user", &format!("{round}-{index}"))];
            point
        });
        let name = format!("m{}", round % 10);
        world.take(gauge(&name, "", points.collect()));
    }
    let taken = world.registry.total(&catalog::APP_METRICS_POINTS, &[]);
    assert_eq!(taken, 499.0, "and what is known of the resource");
    assert_eq!(world.refused("series_limit"), 1e6 - taken);
    assert_eq!(lock(&world.app_metrics.table).lines(), 500);
    let offenders = world.registry.offenders();
    let worst = &offenders[0];
    assert!(worst.metric.starts_with('m') && worst.overflowed > 90_000, "{worst:?}");
    assert_eq!((worst.samples.len(), worst.service.as_deref()), (5, Some("shop")));
    assert!(worst.samples[0].starts_with("user="), "{worst:?}");
    world.families();
}

#[test]
fn long_labels_are_bounded_as_well() {
    let mut world = World::new(AppMetricsOptions::default());
    for index in 0..5_000 {
        let mut point = number(0, 1, 1.0);
        let long = "x".repeat(300);
        point.attributes = (0..20).map(|at| text(&format!("{long}{at}"), &long)).collect();
        point.attributes.push(text("n", &index.to_string()));
        world.take(gauge(&format!("m{}", index % 9), "", vec![point]));
    }
    let page = world.page.render(Format::Text);
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert!(world.refused("series_limit") > 0.0);
}

/// Any name, mostly one that has been there.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["a", "a.total", "a_count", "a.sum", "b", "llm.requests", "up"])
            .prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![
        prop::sample::select(vec!["x", "x.y", "x_y", "le", "job", "__name__"])
            .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    prop::collection::vec((key, "\\PC{0,6}").prop_map(|(key, value)| text(&key, &value)), 0..4)
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![prop::num::f64::ANY, -10.0..1e3_f64, Just(0.0)]
}

fn data() -> impl Strategy<Value = Data> {
    let times = (0_u64..4, 0_u64..6);
    let point = (times.clone(), any_number(), attributes(), 0_u32..2).prop_map(
        |((start, time), value, attributes, flags)| NumberDataPoint {
            attributes,
            flags: flags & u32::from(time == 5),
            ..number(start, time, value)
        },
    );
    let points = prop::collection::vec(point, 0..4).boxed();
    let sums = (points.clone(), 0..3_i32, any::<bool>()).prop_map(
        |(data_points, aggregation_temporality, is_monotonic)| {
            Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
        },
    );
    let counts = prop::collection::vec(0_u64..5, 0..5);
    let bounds = prop::collection::vec(any_number(), 0..4);
    let histograms = (times.clone(), counts.clone(), bounds, 0..3_i32, any_number(), attributes())
        .prop_map(|((_, time), counts, mut bounds, temporality, sum, attributes)| {
            bounds.sort_by(f64::total_cmp);
            let sum = Some(sum).filter(|sum| *sum != 0.0);
            let point = HistogramDataPoint { sum, attributes, ..buckets(time, &counts, &bounds) };
            histogram(temporality, point).data.unwrap()
        });
    let exponentials = (times, counts, -12..25_i32, -30..30_i32, 1..3_i32).prop_map(
        |((_, time), bucket_counts, scale, offset, aggregation_temporality)| {
            let point = ExponentialHistogramDataPoint {
                time_unix_nano: time * SECOND,
                count: bucket_counts.iter().sum(),
                scale,
                positive: Some(Buckets { offset, bucket_counts }),
                ..Default::default()
            };
            let data_points = vec![point];
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points,
                aggregation_temporality,
            })
        },
    );
    let quantile = (-0.2..1.2_f64, any_number())
        .prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let summaries = (prop::collection::vec(quantile, 0..3), any_number(), attributes()).prop_map(
        |(quantile_values, sum, attributes)| {
            let point = SummaryDataPoint { quantile_values, sum, attributes, ..Default::default() };
            Data::Summary(Summary { data_points: vec![point] })
        },
    );
    prop_oneof![
        points.prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        sums,
        histograms,
        exponentials,
        summaries,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_comes_the_page_can_be_read(
        sent in prop::collection::vec((names(), "(s|By|1|%|\\{x\\}|\\PC{0,3})", data()), 0..20),
        scopes in prop::collection::vec("(lib|\\PC{0,3})", 2),
    ) {
        let options =
            AppMetricsOptions { series: 200, series_per_metric: 60, ..Default::default() };
        let mut world = World::new(options.clone());
        for (index, (name, unit, data)) in sent.into_iter().enumerate() {
            let metrics = vec![metric(&name, &unit, data)];
            world.send(&request(["a", "b"][index % 2], &scopes[index % 2], metrics));
        }
        let before = world.families();
        let table = lock(&world.app_metrics.table);
        prop_assert!(table.lines() <= 200);
        drop(table);
        // What is kept is all of it.
        let mut after = World::new(options);
        after.app_metrics.restore(&world.app_metrics.snapshot()).unwrap();
        let of_apps = |families: Vec<Family>| {
            let own = |family: &Family| {
                family.name.starts_with("pharos_") || family.name.starts_with("process_")
            };
            families.into_iter().filter(|family| !own(family)).collect::<Vec<_>>()
        };
        prop_assert_eq!(of_apps(after.families()), of_apps(before));
    }
}
