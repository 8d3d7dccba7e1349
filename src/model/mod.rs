//! What Pharos talks about: spans, log records and the operations they describe.
//!
//! Invariant: nothing here knows protobuf, JSON or a disk. Text is borrowed from the batch it
//! arrived in, so that understanding a span costs no copies.

mod cached;
mod cost;
mod gen_ai_event;
mod id;
mod log_record;
mod metric;
mod notice;
mod operation;
mod origin;
mod projection;
mod report;
mod settled;
mod signal;
mod span;
mod spending;
mod trace_parent;
mod understand;
mod value;

pub use cached::{CachedBy, CachedTokens};
pub use cost::{Cost, CostSource, CostState, NoPrices, Pricing, Rates, ServiceTier, UsageSource};
pub use gen_ai_event::{GenAiEvent, GenAiEventKind};
pub use id::{SpanId, TraceId};
pub use log_record::LogRecord;
pub use metric::{Metric, MetricKind, Point, PointValue, Temporality};
pub use notice::{Fact, Notice, NoticeLevel, Notices};
pub use operation::{
    AgentRun, AgentStep, CapabilityCall, DbQuery, GatewayExchange, HttpExchange, LlmCall,
    Operation, PatternExecution, ProviderRequest, ServiceCall, SkillStep, ToolCall, Understanding,
    Unexplained, Usage, WorkflowRun, WorkflowStep,
};
pub use origin::{Origin, Scope};
pub use projection::{Moment, Projection, SeenRecord, SeenSpan};
pub use report::{RateLimit, Report, Reported, RunKind, RunStart, Spend, TokenBudget};
pub use settled::{CallBook, CallLabels, Settled};
pub use signal::Signal;
pub use span::{Event, Link, Span, SpanKind, Status};
pub use spending::{Ask, Exhausted, Leave, Spending, Why};
pub use trace_parent::TraceParent;
pub use understand::{ReadSpan, Understand};
pub use value::{Attribute, Value, find};
