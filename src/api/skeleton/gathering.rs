//! The rows of one trace, each as a few numbers.

use crate::api::money::Cost;
use crate::api::span_view::Tokens;
use crate::limits;
use crate::model::{SpanId, SpanKind, Status, Usage};
use crate::storage::query::SpanRow;
use std::collections::HashMap;

/// The longest name of a span, a model or a tool in a skeleton.
const NAME_BYTES: usize = 256;

/// What many spans of a trace have in common: everything but times, ids and usage. Texts are
/// places in [`Skeleton::texts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) name: u32,
    pub(super) service: u32,
    pub(super) operation: u32,
    pub(super) kind: SpanKind,
    pub(super) status: Status,
    pub(super) failed: bool,
    pub(super) error_type: Option<u32>,
    pub(super) model: Option<u32>,
    pub(super) tool: Option<u32>,
    pub(super) agent: Option<u32>,
}

/// One span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    /// A place in [`Skeleton::shapes`].
    pub(super) shape: u32,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) cost_usd: Option<f64>,
}

/// A whole trace without its bodies.
#[derive(Debug, Default)]
pub(super) struct Skeleton {
    /// In the order in which they began, each span once; equals in the order of their ids.
    pub(super) lines: Vec<Line>,
    pub(super) shapes: Vec<Shape>,
    pub(super) texts: Vec<String>,
    pub(super) llm_calls: u64,
    pub(super) errors: u64,
    pub(super) tokens: Tokens,
    pub(super) cost: Cost,
    /// Whether spans or names are missing.
    pub(super) truncated: bool,
}

/// A skeleton that is being put together.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    skeleton: Skeleton,
    known_shapes: HashMap<Shape, u32, foldhash::fast::RandomState>,
    known_texts: HashMap<String, u32, foldhash::fast::RandomState>,
    text_bytes: usize,
}

impl Gathering {
    /// Takes a row of the trace.
    pub(super) fn take(&mut self, row: &SpanRow<'_>) {
        if self.skeleton.lines.len() >= limits::SKELETON_TRACE_SPANS {
            self.skeleton.truncated = true;
            return;
        }
        let shape = Shape {
            name: self.text(row.name),
            service: self.text(row.service),
            operation: self.text(row.operation),
            kind: row.kind,
            status: row.status,
            failed: row.failed,
            error_type: row.error_type.map(|text| self.text(text)),
            model: row.model.map(|text| self.text(text)),
            tool: row.tool.map(|text| self.text(text)),
            agent: row.agent.map(|text| self.text(text)),
        };
        let Usage { input, output, .. } = row.usage;
        let line = Line {
            span_id: row.span_id,
            parent: row.parent_span_id,
            start_ns: row.start_ns,
            duration_ns: row.duration_ns(),
            shape: self.shape(shape),
            input,
            output,
            cost_usd: row.cost_usd,
        };
        let skeleton = &mut self.skeleton;
        skeleton.lines.push(line);
        skeleton.llm_calls += u64::from(row.counts);
        skeleton.tokens.add(row.usage);
        skeleton.cost.add_row(row);
    }

    /// Puts the spans into their order. `incomplete` says that not all rows were seen.
    pub(super) fn finish(self, incomplete: bool) -> Skeleton {
        let mut skeleton = self.skeleton;
        skeleton.truncated |= incomplete;
        skeleton.lines.sort_by_key(|line| (line.start_ns, line.span_id));
        // A span that was sent twice is the same in both.
        skeleton.lines.dedup_by_key(|line| line.span_id);
        let failed = |line: &&Line| skeleton.shapes[line.shape as usize].failed;
        skeleton.errors = skeleton.lines.iter().filter(failed).count() as u64;
        skeleton
    }

    fn text(&mut self, text: &str) -> u32 {
        let mut text = &text[..text.floor_char_boundary(NAME_BYTES)];
        if let Some(known) = self.known_texts.get(text) {
            return *known;
        }
        if self.text_bytes + text.len() > limits::SKELETON_TEXT_BYTES {
            self.skeleton.truncated = true;
            // Stands for every name for which there is no room.
            text = "…";
            if let Some(known) = self.known_texts.get(text) {
                return *known;
            }
        }
        self.text_bytes += text.len();
        let place = self.skeleton.texts.len() as u32;
        self.skeleton.texts.push(text.to_owned());
        self.known_texts.insert(text.to_owned(), place);
        place
    }

    fn shape(&mut self, shape: Shape) -> u32 {
        let shapes = &mut self.skeleton.shapes;
        *self.known_shapes.entry(shape).or_insert_with(|| {
            shapes.push(shape);
            shapes.len() as u32 - 1
        })
    }
}
