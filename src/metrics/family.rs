//! One family at run time: its label values and its series.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cardinality::{Budget, Interner, OTHER, Offender, Overflow};
use super::catalog::{Family, Kind, Source, Unit};
use super::cell::{AmountCell, CounterCell, GaugeCell, HistogramCell, Invalid};
use super::exposition;

/// The recorded side of a family.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) durable: bool,
    /// Whether it is constant 1 and its labels are the message.
    pub(super) info: bool,
    /// Whether it comes from the facade without being in the catalog: then it has the labels
    /// that its recordings have, and an empty value means that a label is absent.
    pub(super) foreign: bool,
    state: Mutex<State>,
    invalid: Invalid,
}

/// What changes of a family.
#[derive(Debug)]
pub(super) struct State {
    pub(super) help: Cow<'static, str>,
    pub(super) slots: Vec<Slot>,
    /// By their labels as they stand on the page, which is also the order of the page.
    pub(super) series: BTreeMap<Box<str>, Arc<Series>>,
    pub(super) overflow: Overflow,
    lines: usize,
}

/// One label of a family.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Arc<str>,
    pub(super) closed: bool,
    pub(super) values: Interner,
}

/// One label set and its value.
#[derive(Debug)]
pub(super) struct Series {
    /// Values in the order of the slots that existed when it was made.
    pub(super) values: Box<[Arc<str>]>,
    pub(super) cell: Cell,
}

/// The value of a series.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Counter(Arc<CounterCell>),
    Amount(Arc<AmountCell>),
    Gauge(Arc<GaugeCell>),
    Histogram(Arc<HistogramCell>),
}

/// The series of a label set.
pub(super) struct Resolved {
    pub(super) cell: Cell,
    /// Whether the series carries exactly the values asked for, so that it may be cached by them.
    pub(super) exact: bool,
}

impl Recorded {
    /// The recorded side of a family of the catalog.
    pub(super) fn of(family: &'static Family, invalid: Invalid) -> Self {
        let slots = family.labels.iter().map(|label| {
            let mut values = Interner::default();
            for value in label.values {
                values.insert(value);
            }
            Slot { name: label.name.into(), closed: label.is_closed(), values }
        });
        Self {
            name: family.name.into(),
            kind: family.kind,
            durable: family.source == Source::Log,
            info: family.unit == Unit::Info,
            foreign: false,
            state: Mutex::new(State::new(family.help.into(), slots.collect())),
            invalid,
        }
    }

    /// A family that only users of the facade know.
    pub(super) fn foreign(name: String, kind: Kind, help: String, invalid: Invalid) -> Self {
        Self {
            name: name.into(),
            kind,
            durable: false,
            info: false,
            foreign: true,
            state: Mutex::new(State::new(help.into(), Vec::new())),
            invalid,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock leaves at worst a series that nobody has a handle on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The series of these values, one per slot; made if there is room, else the one that
    /// stands for all others. `source` is the service that sent them, for the offenders.
    pub(super) fn resolve(&self, values: &[&str], budget: &Budget, source: &str) -> Resolved {
        let mut state = self.state();
        let mut exact = true;
        let interned: Vec<Arc<str>> = values
            .iter()
            .zip(&mut state.slots)
            .map(|(raw, slot)| {
                if self.foreign && raw.is_empty() {
                    return "".into();
                }
                let (value, same) = slot.values.intern(raw, &budget.options, source);
                exact &= same;
                value
            })
            .collect();
        let text = state.label_text(&interned);
        if let Some(series) = state.series.get(&*text) {
            return Resolved { cell: series.cell.clone(), exact };
        }
        let lines = self.kind.lines();
        let fits = state.lines + lines <= budget.options.series_per_metric;
        if fits && budget.take(lines) {
            let cell = self.insert(&mut state, text, interned);
            return Resolved { cell, exact };
        }
        state.overflow.record(&text, source);
        Resolved { cell: self.overflow_series(&mut state, interned, budget), exact: false }
    }

    /// The series with `other` in every open label. Closed ones keep their value, so that an
    /// error among the others is still an error.
    fn overflow_series(
        &self,
        state: &mut State,
        mut values: Vec<Arc<str>>,
        budget: &Budget,
    ) -> Cell {
        for (value, slot) in values.iter_mut().zip(&mut state.slots) {
            if !slot.closed {
                *value = slot.values.insert(OTHER);
            }
        }
        let text = state.label_text(&values);
        if let Some(series) = state.series.get(&*text) {
            return series.cell.clone();
        }
        if !self.foreign {
            budget.take_reserved(self.kind.lines());
        } else if !budget.take(self.kind.lines()) {
            // Nothing is reserved for names that the catalog does not know: what is recorded
            // into this cell is on no page.
            return self.new_cell();
        }
        self.insert(state, text, values)
    }

    fn insert(&self, state: &mut State, text: Box<str>, values: Vec<Arc<str>>) -> Cell {
        let cell = self.new_cell();
        let series = Series { values: values.into(), cell: cell.clone() };
        state.series.insert(text, Arc::new(series));
        state.lines += self.kind.lines();
        cell
    }

    /// The series of exactly these values, as a snapshot holds them.
    pub(super) fn restore(&self, state: &mut State, values: &[Arc<str>], budget: &Budget) -> Cell {
        let text = state.label_text(values);
        if let Some(series) = state.series.get(&*text) {
            return series.cell.clone();
        }
        budget.take_reserved(self.kind.lines());
        self.insert(state, text, values.to_vec())
    }

    fn new_cell(&self) -> Cell {
        let invalid = Arc::clone(&self.invalid);
        // What is not measured of spans has none to show.
        let exemplars = self.durable;
        match self.kind {
            Kind::Counter => Cell::Counter(Arc::new(CounterCell::new(exemplars))),
            Kind::Amount => Cell::Amount(Arc::new(AmountCell::new(exemplars, invalid))),
            Kind::Gauge => Cell::Gauge(Arc::new(GaugeCell::new(invalid))),
            Kind::Histogram(bounds) => {
                Cell::Histogram(Arc::new(HistogramCell::new(bounds, exemplars, invalid)))
            }
        }
    }

    /// The labels and label sets of this family that did not fit.
    pub(super) fn offenders(&self) -> Vec<Offender> {
        let state = self.state();
        let slots = state.slots.iter();
        slots
            .filter_map(|slot| slot.values.overflow().offender(&self.name, Some(&slot.name)))
            .chain(state.overflow.offender(&self.name, None))
            .collect()
    }
}

impl Cell {
    /// The word of the `# TYPE` line.
    pub(super) fn kind_name(&self) -> &'static str {
        match self {
            Self::Counter(_) | Self::Amount(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

impl State {
    fn new(help: Cow<'static, str>, slots: Vec<Slot>) -> Self {
        Self { help, slots, series: BTreeMap::new(), overflow: Overflow::default(), lines: 0 }
    }

    /// The labels as they stand on the page: `method="GET",status="200"`.
    pub(super) fn label_text(&self, values: &[Arc<str>]) -> Box<str> {
        let mut text = String::with_capacity(64);
        for (slot, value) in self.slots.iter().zip(values) {
            if !value.is_empty() {
                exposition::push_label(&mut text, &slot.name, value);
            }
        }
        text.into()
    }

    /// The index of a label of a foreign family, made if it is new.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        if let Some(index) = self.slots.iter().position(|slot| *slot.name == *name) {
            return index;
        }
        let values = Interner::default();
        self.slots.push(Slot { name: name.into(), closed: false, values });
        self.slots.len() - 1
    }
}
