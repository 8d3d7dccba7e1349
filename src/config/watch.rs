//! The keys about what is watched for, and the section they make.

use super::key::{Key, Kind, Preset};
use super::sections::{CostWatch, LoopWatch, OutlierWatch, Thresholds, Watch};
use super::table::{count, seconds};
use super::values::Values;

const DAY: u64 = 24 * 60 * 60;

const fn decimal(min: f64, max: f64) -> Kind {
    Kind::Decimal { min, max }
}

/// In the order in which people read about them.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "watch.enabled",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Whether runs are watched: thresholds, anomalies, loops, cost velocity, and \
              `workflow_cost_usd`.",
    },
    Key {
        name: "watch.grace",
        kind: seconds(0, 600),
        preset: Preset::Text("10s"),
        doc: "How long after the span of a run its children may still arrive and be part of its \
              cost. Later ones are counted as late.",
    },
    Key {
        name: "watch.notice_interval",
        kind: seconds(1, DAY),
        preset: Preset::Text("5m"),
        doc: "Findings of one kind about one name are told once in this time; the rest are \
              counted, and told as a number.",
    },
    Key {
        name: "watch.thresholds.workflow_seconds",
        kind: decimal(0.001, 1e7),
        preset: Preset::Optional("600"),
        doc: "A run of a workflow that takes longer is told; `none` sets no threshold.",
    },
    Key {
        name: "watch.thresholds.step_seconds",
        kind: decimal(0.001, 1e7),
        preset: Preset::Optional("120"),
        doc: "The same of one step of a workflow.",
    },
    Key {
        name: "watch.thresholds.llm_call_seconds",
        kind: decimal(0.001, 1e7),
        preset: Preset::Optional("30"),
        doc: "The same of one call of a model.",
    },
    Key {
        name: "watch.thresholds.workflow_cost_usd",
        kind: decimal(0.000001, 1e9),
        preset: Preset::Optional("1"),
        doc: "A run of a workflow that costs more is told.",
    },
    Key {
        name: "watch.thresholds.error_ratio",
        kind: decimal(0.0, 1.0),
        preset: Preset::Optional("0.05"),
        doc: "A workflow or agent of whose runs a larger part fails, within \
              `watch.thresholds.window`, is told.",
    },
    Key {
        name: "watch.thresholds.error_runs",
        kind: count(1, 1_000_000),
        preset: Preset::Text("20"),
        doc: "Runs in that window below which the part that fails says nothing.",
    },
    Key {
        name: "watch.thresholds.window",
        kind: seconds(60, DAY),
        preset: Preset::Text("5m"),
        doc: "The window of the part that fails.",
    },
    Key {
        name: "watch.anomalies.window",
        kind: seconds(60, 90 * DAY),
        preset: Preset::Text("1d"),
        doc: "A run is compared with its workflow's (or agent's) runs of the last one to two such \
              windows.",
    },
    Key {
        name: "watch.anomalies.min_runs",
        kind: count(10, 1_000_000),
        preset: Preset::Text("50"),
        doc: "Runs below which nothing is called slow or expensive.",
    },
    Key {
        name: "watch.anomalies.margin",
        kind: decimal(1.0, 1_000.0),
        preset: Preset::Text("1.5"),
        doc: "How many times the 99th percentile a run must take, or cost, to be an anomaly.",
    },
    Key {
        name: "watch.anomalies.min_seconds",
        kind: decimal(0.0, 1e7),
        preset: Preset::Text("1"),
        doc: "A run below this is never slow.",
    },
    Key {
        name: "watch.anomalies.min_cost_usd",
        kind: decimal(0.0, 1e9),
        preset: Preset::Text("0.01"),
        doc: "A run below this is never expensive.",
    },
    Key {
        name: "watch.loops.repeats",
        kind: count(2, 1_000_000),
        preset: Preset::Text("5"),
        doc: "Calls of one tool with the same arguments within one run that are a loop.",
    },
    Key {
        name: "watch.loops.rounds",
        kind: count(2, 8),
        preset: Preset::Text("3"),
        doc: "Rounds of two to four different calls (A, B, A, B, …) within one run that are a \
              circle.",
    },
    Key {
        name: "watch.cost.usd_per_hour",
        kind: decimal(0.0, 1e12),
        preset: Preset::Absent,
        doc: "Spending more than this within an hour is told, of each tenant and of all together.",
    },
    Key {
        name: "watch.cost.times_typical",
        kind: decimal(1.0, 1e6),
        preset: Preset::Optional("5"),
        doc: "Spending more within an hour than so many times the median hour of the last day is \
              told; `none` compares nothing.",
    },
    Key {
        name: "watch.cost.min_usd",
        kind: decimal(0.0, 1e12),
        preset: Preset::Text("1"),
        doc: "Spending below this within an hour is never unusual.",
    },
];

/// The section.
pub(super) fn watch(values: &Values) -> Watch {
    Watch {
        enabled: values.get("watch.enabled"),
        grace: values.get("watch.grace"),
        notice_interval: values.get("watch.notice_interval"),
        thresholds: Thresholds {
            workflow_seconds: values.get("watch.thresholds.workflow_seconds"),
            step_seconds: values.get("watch.thresholds.step_seconds"),
            llm_call_seconds: values.get("watch.thresholds.llm_call_seconds"),
            workflow_cost_usd: values.get("watch.thresholds.workflow_cost_usd"),
            error_ratio: values.get("watch.thresholds.error_ratio"),
            error_runs: values.get("watch.thresholds.error_runs"),
            window: values.get("watch.thresholds.window"),
        },
        anomalies: OutlierWatch {
            window: values.get("watch.anomalies.window"),
            min_runs: values.get("watch.anomalies.min_runs"),
            margin: values.get("watch.anomalies.margin"),
            min_seconds: values.get("watch.anomalies.min_seconds"),
            min_cost_usd: values.get("watch.anomalies.min_cost_usd"),
        },
        loops: LoopWatch {
            repeats: values.get("watch.loops.repeats"),
            rounds: values.get("watch.loops.rounds"),
        },
        cost: CostWatch {
            usd_per_hour: values.get("watch.cost.usd_per_hour"),
            times_typical: values.get("watch.cost.times_typical"),
            min_usd: values.get("watch.cost.min_usd"),
        },
    }
}
