//! What is measured of the price table.

use super::{Family, Kind, Source, Unit, families};

families! {
    PRICING_BUILD_DURATION = Kind::Gauge, "pricing_pack_build_duration_seconds", Seconds,
        [], Process,
        "How long the last build of the price table took.";
    PRICING_SIZE = Kind::Gauge, "pricing_pack_size_bytes", Bytes,
        [], Process,
        "Size of the price table, written out.";
    PRICING_FRESHNESS = Kind::Gauge, "pricing_pack_freshness_seconds", Seconds,
        [], Process,
        "Age of the newest prices: of the newest price file, or of the built-in table.";
    PRICING_STALE = Kind::Gauge, "pharos_pricing_stale", Flag,
        [], Process,
        "Whether the newest prices are older than prices.stale_after.";
    PRICING_FAILING = Kind::Gauge, "pharos_pricing_failing", Flag,
        [], Process,
        "Whether the price files as they are now could not be taken; earlier prices hold.";
    PRICING_RELOAD_FAILURES = Kind::Counter, "pharos_pricing_reload_failures_total", Items,
        [], Process,
        "How often price files that had changed could not be taken.";
}
