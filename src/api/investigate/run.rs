//! The spans of one trace as a tree, in the order in which they began.

use crate::model::{Event, Operation, Origin, Span, SpanId, Understanding, find};
use std::collections::HashMap;

/// One span, without its attributes.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Its fields; attributes, events and links are left out.
    pub(super) span: Span<'a>,
    pub(super) service: &'a str,
    pub(super) scope: &'a str,
    pub(super) known: Understanding<'a>,
    pub(super) exception: Option<Exception<'a>>,
    /// Its parent's place, if the parent is in the trace.
    pub(super) parent: Option<usize>,
    /// The places of its children, in the order in which they began.
    pub(super) children: Vec<usize>,
}

/// What an exception event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Exception<'a> {
    pub(super) kind: &'a str,
    pub(super) message: &'a str,
    pub(super) stacktrace: &'a str,
}

/// A whole trace.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// In the order in which they began; equals in the order of their ids.
    pub(super) nodes: Vec<Node<'a>>,
    /// Places of the spans without a parent in the trace.
    pub(super) roots: Vec<usize>,
    /// Places, every parent before its children.
    pub(super) downward: Vec<usize>,
}

impl<'a> Node<'a> {
    /// Takes what an investigation needs of a span.
    pub(super) fn of(origin: &Origin<'a>, span: &Span<'a>, known: Understanding<'a>) -> Self {
        let exception = span.events.iter().rev().find(|event| event.name == "exception");
        let bare = Span { attributes: Vec::new(), events: Vec::new(), links: Vec::new(), ..*span };
        Self {
            span: bare,
            service: origin.service(),
            scope: origin.scope.name,
            known,
            exception: exception.map(Exception::of),
            parent: None,
            children: Vec::new(),
        }
    }

    /// The name of the agent whose run this is or who did it, as far as the span itself says.
    pub(super) fn agent(&self) -> Option<&'a str> {
        match &self.known.operation {
            Operation::Agent(run) => Some(run.name),
            Operation::Step(step) => Some(step.agent),
            _ => self.known.agent,
        }
    }

    /// The name of the tool that this executes.
    pub(super) fn tool(&self) -> Option<&'a str> {
        match &self.known.operation {
            Operation::Tool(call) => Some(call.name),
            _ => None,
        }
    }
}

impl<'a> Exception<'a> {
    fn of(event: &Event<'a>) -> Self {
        let text = |key| {
            let found = find(&event.attributes, key).and_then(|value| value.as_text());
            found.unwrap_or_default()
        };
        Self {
            kind: text("exception.type"),
            message: text("exception.message"),
            stacktrace: text("exception.stacktrace"),
        }
    }
}

impl<'a> Run<'a> {
    /// Builds the tree. A span that is its own ancestor is taken as a root, so that every span
    /// is reached exactly once.
    pub(super) fn of(mut nodes: Vec<Node<'a>>) -> Self {
        nodes.sort_by_key(|node| (node.span.start_ns, node.span.span_id));
        let places: HashMap<SpanId, usize> =
            (0..).zip(&nodes).map(|(place, node)| (node.span.span_id, place)).collect();
        for place in 0..nodes.len() {
            let parent = nodes[place].span.parent_span_id.and_then(|id| places.get(&id));
            nodes[place].parent = parent.copied().filter(|parent| *parent != place);
            if let Some(parent) = nodes[place].parent {
                nodes[parent].children.push(place);
            }
        }
        let mut run = Self { roots: Vec::new(), downward: Vec::with_capacity(nodes.len()), nodes };
        let mut reached = vec![false; run.nodes.len()];
        for place in 0..run.nodes.len() {
            if run.nodes[place].parent.is_none() {
                run.descend(place, &mut reached);
            }
        }
        // What is left are circles and what hangs on them.
        for place in 0..run.nodes.len() {
            if !reached[place] {
                if let Some(parent) = run.nodes[place].parent.take() {
                    run.nodes[parent].children.retain(|child| *child != place);
                }
                run.descend(place, &mut reached);
            }
        }
        run.roots.sort_unstable();
        run
    }

    fn descend(&mut self, root: usize, reached: &mut [bool]) {
        self.roots.push(root);
        let mut open = vec![root];
        while let Some(place) = open.pop() {
            reached[place] = true;
            self.downward.push(place);
            open.extend(self.nodes[place].children.iter().rev());
        }
    }

    /// The root that stands for the run: the first without a parent at all, else the first
    /// whose parent is not in the trace. `None` for a trace without spans.
    pub(super) fn root(&self) -> Option<usize> {
        let whole = |place: &usize| self.nodes[*place].span.parent_span_id.is_none();
        self.roots.iter().copied().find(whole).or(self.roots.first().copied())
    }

    /// For every span, what `own` says of it or of its nearest ancestor of which it says
    /// something.
    pub(super) fn inherited<T: Copy>(
        &self,
        own: impl Fn(&Node<'a>) -> Option<T>,
    ) -> Vec<Option<T>> {
        let mut found = vec![None; self.nodes.len()];
        for &place in &self.downward {
            let node = &self.nodes[place];
            found[place] = own(node).or_else(|| found[node.parent?]);
        }
        found
    }

    /// When the first span began.
    pub(super) fn start_ns(&self) -> u64 {
        self.nodes.first().map_or(0, |node| node.span.start_ns)
    }

    /// When the last span ended.
    pub(super) fn end_ns(&self) -> u64 {
        self.nodes.iter().map(|node| node.span.end_ns).max().unwrap_or(0)
    }
}
