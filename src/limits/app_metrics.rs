//! Bounds of the metrics that apps send.

/// Series of all apps together: a quarter of the page.
pub const APP_SERIES: usize = 5_000;
/// Series of one metric of theirs: a histogram of some hundred label sets, and five metrics out of
/// hand before there is no room for others.
pub const APP_SERIES_PER_METRIC: usize = 1_000;
/// How long a series stays on the page after its last point, in seconds. Apps send every minute
/// by default; some may be missing.
pub const APP_SERIES_EXPIRE_SECONDS: u64 = 300;
/// Bytes of labels of apps' series on the page, counted for each line: what a page of the usual
/// labels needs several times, and little enough to be scraped.
pub const APP_LABEL_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Labels of one series.
pub const APP_LABELS: usize = 64;
/// The longest name of a metric or label; one that is cut would be another's.
pub const APP_NAME_BYTES: usize = 200;
/// The longest value of a label; longer ones are cut.
pub const APP_LABEL_VALUE_BYTES: usize = 256;
/// The longest description that becomes a `# HELP`.
pub const APP_HELP_BYTES: usize = 512;
/// Buckets of one histogram, or quantiles of one summary: what SDKs make by themselves several
/// times.
pub const POINT_BUCKETS: usize = 512;
/// Buckets of a histogram on the page, each a series.
pub const APP_HISTOGRAM_BOUNDS: usize = 160;
/// Metrics that are remembered for having been refused room.
pub const APP_OFFENDERS: usize = 32;

const _: () = assert!(APP_SERIES <= super::SERIES / 2);
const _: () = assert!(APP_SERIES_PER_METRIC <= APP_SERIES);
const _: () = assert!(APP_HISTOGRAM_BOUNDS + 3 <= APP_SERIES_PER_METRIC);
const _: () = assert!(APP_HISTOGRAM_BOUNDS < POINT_BUCKETS);
