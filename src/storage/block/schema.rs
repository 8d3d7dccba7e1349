//! The columns of the three files of a block.
//!
//! Names follow the model's; times are nanoseconds. What a column is for stands in
//! `docs/STORAGE.md`. The order of leaves here is the order in which they are written.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

use crate::limits;

/// Spans, one a row; those of one trace mostly stand together.
pub(super) const SPANS: &str = "
message span {
  required fixed_len_byte_array(16) trace_id;
  required fixed_len_byte_array(8) span_id;
  optional fixed_len_byte_array(8) parent_span_id;
  required int64 start_time (TIMESTAMP(NANOS,true));
  required int64 duration_ns;
  required binary service (STRING);
  required binary name (STRING);
  required binary kind (STRING);
  required binary status (STRING);
  optional binary status_message (STRING);
  required binary operation (STRING);
  required boolean failed;
  optional binary error_type (STRING);
  optional binary provider (STRING);
  optional binary model (STRING);
  optional binary response_model (STRING);
  optional binary tool (STRING);
  optional binary agent (STRING);
  optional binary workflow (STRING);
  optional binary skill (STRING);
  optional binary tenant (STRING);
  optional binary user (STRING);
  optional binary conversation (STRING);
  optional binary http_method (STRING);
  optional binary http_route (STRING);
  optional int64 http_status;
  required boolean llm_call;
  optional int64 input_tokens;
  optional int64 output_tokens;
  optional int64 cached_tokens;
  optional int64 cache_write_tokens;
  optional int64 reasoning_tokens;
  optional double cost_usd;
  optional double time_to_first_token_seconds;
  required int64 position;
  required binary origin;
  optional group attributes (MAP) {
    repeated group key_value {
      required binary key (STRING);
      required binary value (STRING);
    }
  }
  required binary attribute_types (STRING);
  required group content (LIST) { repeated group list { required int64 element; } }
  required binary rest;
  optional binary cost_state (STRING);
  optional binary cost_source (STRING);
  optional int64 cost_version;
  optional binary usage_source (STRING);
  optional binary service_tier (STRING);
}";

/// Log records, one a row, the earliest first.
pub(super) const LOGS: &str = "
message log_record {
  required int64 time (TIMESTAMP(NANOS,true));
  required int64 observed_time (TIMESTAMP(NANOS,true));
  optional fixed_len_byte_array(16) trace_id;
  optional fixed_len_byte_array(8) span_id;
  required int64 severity_number;
  optional binary severity_text (STRING);
  optional binary event_name (STRING);
  required binary service (STRING);
  required binary body (STRING);
  required int64 position;
  required binary origin;
  optional group attributes (MAP) {
    repeated group key_value {
      required binary key (STRING);
      required binary value (STRING);
    }
  }
  required binary attribute_types (STRING);
  required group content (LIST) { repeated group list { required int64 element; } }
  required binary rest;
}";

/// Long texts, each piece once. Their number is the row, from 0 on.
pub(super) const CONTENT: &str = "
message content {
  required binary text (STRING);
}";

/// A schema as Parquet's own types.
pub(super) fn parse(schema: &str) -> Result<TypePtr, ParquetError> {
    parse_message_type(schema).map(Arc::new)
}

fn path(dotted: &str) -> ColumnPath {
    ColumnPath::new(dotted.split('.').map(str::to_owned).collect())
}

fn common(level: i32) -> WriterPropertiesBuilder {
    let level = ZstdLevel::try_new(level).unwrap_or_default();
    WriterProperties::builder()
        .set_created_by(format!("pharos {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(limits::BLOCK_PAGE_ROWS)
        .set_data_page_size_limit(limits::BLOCK_PAGE_BYTES)
        .set_write_batch_size(512)
        .set_max_row_group_row_count(None)
}

/// How spans and log records are written. `traces` is about how many traces a row group has.
pub(super) fn row_properties(traces: u64) -> WriterProperties {
    let mut properties = common(limits::BLOCK_ZSTD_LEVEL)
        .set_column_bloom_filter_enabled(path("trace_id"), true)
        .set_column_bloom_filter_fpp(path("trace_id"), 0.01)
        .set_column_bloom_filter_max_ndv(path("trace_id"), traces);
    // Values that differ from row to row: a dictionary would only repeat them.
    for name in ["trace_id", "span_id", "parent_span_id"] {
        properties = properties.set_column_dictionary_enabled(path(name), false);
    }
    // Numbers near one another.
    for name in
        ["start_time", "duration_ns", "time", "observed_time", "position", "content.list.element"]
    {
        properties = properties
            .set_column_dictionary_enabled(path(name), false)
            .set_column_encoding(path(name), Encoding::DELTA_BINARY_PACKED);
    }
    // Whole sequences of keys and values repeat, which zstd sees and a dictionary hides.
    for name in ["attributes.key_value.value", "rest", "body"] {
        properties = properties.set_column_dictionary_enabled(path(name), false);
    }
    for name in ["start_time", "duration_ns", "time", "severity_number"] {
        properties = properties.set_column_statistics_enabled(path(name), EnabledStatistics::Chunk);
    }
    properties.build()
}

/// How contents are written.
pub(super) fn content_properties() -> WriterProperties {
    common(limits::BLOCK_ZSTD_LEVEL)
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(limits::BLOCK_CONTENT_PAGE_BYTES)
        .build()
}

/// The leaves of [`SPANS`], in order.
pub(in crate::storage) mod span {
    pub(in crate::storage) const TRACE_ID: usize = 0;
    pub(in crate::storage) const SPAN_ID: usize = 1;
    pub(in crate::storage) const PARENT_SPAN_ID: usize = 2;
    pub(in crate::storage) const START: usize = 3;
    pub(in crate::storage) const DURATION: usize = 4;
    pub(in crate::storage) const SERVICE: usize = 5;
    pub(in crate::storage) const NAME: usize = 6;
    pub(in crate::storage) const KIND: usize = 7;
    pub(in crate::storage) const STATUS: usize = 8;
    pub(in crate::storage) const STATUS_MESSAGE: usize = 9;
    pub(in crate::storage) const OPERATION: usize = 10;
    pub(in crate::storage) const FAILED: usize = 11;
    pub(in crate::storage) const ERROR_TYPE: usize = 12;
    pub(in crate::storage) const PROVIDER: usize = 13;
    pub(in crate::storage) const MODEL: usize = 14;
    pub(in crate::storage) const RESPONSE_MODEL: usize = 15;
    pub(in crate::storage) const TOOL: usize = 16;
    pub(in crate::storage) const AGENT: usize = 17;
    pub(in crate::storage) const WORKFLOW: usize = 18;
    pub(in crate::storage) const SKILL: usize = 19;
    pub(in crate::storage) const TENANT: usize = 20;
    pub(in crate::storage) const USER: usize = 21;
    pub(in crate::storage) const CONVERSATION: usize = 22;
    pub(in crate::storage) const HTTP_METHOD: usize = 23;
    pub(in crate::storage) const HTTP_ROUTE: usize = 24;
    pub(in crate::storage) const HTTP_STATUS: usize = 25;
    pub(in crate::storage) const LLM_CALL: usize = 26;
    pub(in crate::storage) const INPUT_TOKENS: usize = 27;
    pub(in crate::storage) const COST: usize = 32;
    pub(in crate::storage) const FIRST_TOKEN: usize = 33;
    pub(in crate::storage) const POSITION: usize = 34;
    pub(in crate::storage) const ORIGIN: usize = 35;
    pub(in crate::storage) const KEY: usize = 36;
    pub(in crate::storage) const VALUE: usize = 37;
    pub(in crate::storage) const TYPES: usize = 38;
    pub(in crate::storage) const CONTENT: usize = 39;
    pub(in crate::storage) const REST: usize = 40;
    /// From here on columns that the first blocks do not have.
    pub(in crate::storage) const COST_STATE: usize = 41;
    pub(in crate::storage) const COST_SOURCE: usize = 42;
    pub(in crate::storage) const COST_VERSION: usize = 43;
    pub(in crate::storage) const USAGE_SOURCE: usize = 44;
    pub(in crate::storage) const SERVICE_TIER: usize = 45;
}

/// The leaves of [`LOGS`], in order.
pub(in crate::storage) mod log {
    pub(in crate::storage) const TIME: usize = 0;
    pub(in crate::storage) const OBSERVED: usize = 1;
    pub(in crate::storage) const TRACE_ID: usize = 2;
    pub(in crate::storage) const SPAN_ID: usize = 3;
    pub(in crate::storage) const SEVERITY: usize = 4;
    pub(in crate::storage) const SEVERITY_TEXT: usize = 5;
    pub(in crate::storage) const EVENT_NAME: usize = 6;
    pub(in crate::storage) const SERVICE: usize = 7;
    pub(in crate::storage) const BODY: usize = 8;
    pub(in crate::storage) const POSITION: usize = 9;
    pub(in crate::storage) const ORIGIN: usize = 10;
    pub(in crate::storage) const KEY: usize = 11;
    pub(in crate::storage) const VALUE: usize = 12;
    pub(in crate::storage) const TYPES: usize = 13;
    pub(in crate::storage) const CONTENT: usize = 14;
    pub(in crate::storage) const REST: usize = 15;
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::types::SchemaDescriptor;

    fn leaves(schema: &str) -> Vec<String> {
        let descriptor = SchemaDescriptor::new(parse(schema).unwrap());
        descriptor.columns().iter().map(|column| column.path().string()).collect()
    }

    #[test]
    fn leaves_stand_where_their_numbers_say() {
        let spans = leaves(SPANS);
        assert_eq!(spans[span::TRACE_ID], "trace_id");
        assert_eq!(spans[span::STATUS_MESSAGE], "status_message");
        assert_eq!(spans[span::CONVERSATION], "conversation");
        assert_eq!(spans[span::INPUT_TOKENS + 4], "reasoning_tokens");
        assert_eq!(spans[span::COST], "cost_usd");
        assert_eq!(spans[span::VALUE], "attributes.key_value.value");
        assert_eq!(spans[span::REST], "rest");
        assert_eq!(spans[span::COST_STATE], "cost_state");
        assert_eq!((spans[span::SERVICE_TIER].as_str(), spans.len()), ("service_tier", 46));
        let logs = leaves(LOGS);
        assert_eq!(logs[log::BODY], "body");
        assert_eq!(logs[log::CONTENT], "content.list.element");
        assert_eq!((logs[log::REST].as_str(), logs.len()), ("rest", 16));
    }
}
