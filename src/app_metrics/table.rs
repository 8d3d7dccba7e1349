//! The series of apps, by what identifies them and by what they are on the page.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::Arc;

use foldhash::quality::FixedState;

use super::AppMetricsOptions;
use super::held::{Standing, shape};
use super::labels::{self, Labels};
use super::names::{self, Shape, TARGET_INFO};
use super::offenders::Offenders;
use super::refusal::Refusal;
use crate::limits;
use crate::model::{Attribute, Metric, MetricKind, Origin, Point, Value};

/// All series of all apps.
#[derive(Debug)]
pub(crate) struct Table {
    options: AppMetricsOptions,
    /// Makes identities unpredictable; kept, so that they stay the same.
    seed: u64,
    series: HashMap<Identity, Series>,
    families: BTreeMap<Arc<str>, Family>,
    /// Names that families take for themselves, and which.
    claimed: HashMap<String, Arc<str>>,
    /// Lines on the page.
    lines: usize,
    /// Bytes of labels on the page.
    bytes: usize,
    offenders: Offenders,
    /// When this process first heard of the time.
    begun_ns: u64,
}

/// A digest of all that tells a series from others: who sent it, of what, with which attributes.
pub(super) type Identity = u64;

/// The series of one name.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) shape: Shape,
    pub(super) help: String,
    /// By their labels, which is also the order of the page.
    pub(super) members: BTreeMap<Labels, Identity>,
    lines: usize,
}

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) family: Arc<str>,
    pub(super) labels: Labels,
    /// When its last point arrived.
    pub(super) seen_ns: u64,
    pub(super) standing: Standing,
}

/// A series that is to be entered.
pub(super) struct New {
    pub(super) identity: Identity,
    pub(super) shape: Shape,
    pub(super) help: String,
    pub(super) series: Series,
}

impl Table {
    pub(super) fn new(options: AppMetricsOptions) -> Self {
        let seed = foldhash::quality::RandomState::default().hash_one(0_u8);
        Self::seeded(options, seed)
    }

    /// An empty table that tells series apart as another one did.
    pub(super) fn seeded(options: AppMetricsOptions, seed: u64) -> Self {
        Self {
            options,
            seed,
            series: HashMap::new(),
            families: BTreeMap::new(),
            claimed: HashMap::new(),
            lines: 0,
            bytes: 0,
            offenders: Offenders::default(),
            begun_ns: 0,
        }
    }

    /// Takes a point.
    pub(super) fn point(
        &mut self,
        origin: &Origin<'_>,
        metric: &Metric<'_>,
        point: &Point<'_>,
        arrived_ns: u64,
    ) -> Result<(), Refusal> {
        let identity = self.identity(origin, metric, point);
        if point.no_value {
            self.remove(identity);
            return Ok(());
        }
        let next = Standing::of(metric, point, arrived_ns)?;
        let lines = next.held.lines();
        let Some(series) = self.series.get(&identity) else {
            return self.enter_new(identity, origin, metric, point, next, arrived_ns);
        };
        let (family, before, bytes) =
            (Arc::clone(&series.family), series.standing.held.lines(), label_bytes(&series.labels));
        // Buckets may become more while a series goes on.
        if lines > before && !self.fits(&family, lines - before, bytes) {
            return Err(self.no_room(origin, metric, point));
        }
        let Some(series) = self.series.get_mut(&identity) else { return Ok(()) };
        series.standing.go_on(next)?;
        series.seen_ns = arrived_ns;
        let after = series.standing.held.lines();
        self.count_lines(&family, before, after, bytes);
        Ok(())
    }

    fn enter_new(
        &mut self,
        identity: Identity,
        origin: &Origin<'_>,
        metric: &Metric<'_>,
        point: &Point<'_>,
        standing: Standing,
        arrived_ns: u64,
    ) -> Result<(), Refusal> {
        if point.attributes.len() > limits::APP_LABELS {
            return Err(Refusal::TooLarge);
        }
        let shape = shape(metric.kind);
        let gauge = metric.kind == MetricKind::Gauge;
        let name = names::page_name(metric.name, metric.unit, shape, gauge);
        let name: Arc<str> = name.ok_or(Refusal::Name)?.into();
        if self.lines + standing.held.lines() > self.options.series {
            return Err(self.no_room(origin, metric, point));
        }
        let target = labels::target(&origin.resource);
        let mut labels = labels::of_point(&target, &point.attributes);
        let taken = |labels: &Labels| {
            self.families.get(&*name).is_some_and(|family| family.members.contains_key(labels))
        };
        if taken(&labels) {
            labels::add_scope(&mut labels, &origin.scope);
        }
        let help = help(metric);
        let series = Series { family: name, labels, seen_ns: arrived_ns, standing };
        match self.enter(New { identity, shape, help, series }) {
            Err(Refusal::SeriesLimit) => Err(self.no_room(origin, metric, point)),
            entered => entered,
        }
    }

    /// Enters a series, if its name and labels are free and there is room.
    pub(super) fn enter(&mut self, new: New) -> Result<(), Refusal> {
        let New { identity, shape, help, series } = new;
        let name = Arc::clone(&series.family);
        match self.families.get(&name) {
            Some(family) if family.shape != shape => return Err(Refusal::Conflict),
            Some(family) if family.members.contains_key(&series.labels) => {
                return Err(Refusal::Conflict);
            }
            Some(_) => {}
            None if self.claims_are_taken(&name, shape) => return Err(Refusal::Conflict),
            None => {}
        }
        let (lines, bytes) = (series.standing.held.lines(), label_bytes(&series.labels));
        if !self.fits(&name, lines, bytes) {
            return Err(Refusal::SeriesLimit);
        }
        if !self.families.contains_key(&name) {
            for claim in names::claims(&name, shape) {
                self.claimed.insert(claim, Arc::clone(&name));
            }
            let family = Family { shape, help, members: BTreeMap::new(), lines: 0 };
            self.families.insert(Arc::clone(&name), family);
        }
        if let Some(family) = self.families.get_mut(&name) {
            family.members.insert(series.labels.clone(), identity);
        }
        self.series.insert(identity, series);
        self.count_lines(&name, 0, lines, bytes);
        Ok(())
    }

    /// Tells of a resource what its series do not say.
    pub(super) fn resource(&mut self, resource: &[Attribute<'_>], arrived_ns: u64) {
        let target = labels::target(resource);
        let labels = labels::of_resource(&target, resource);
        if target.is_empty() || labels.len() == target.len() || resource.len() > limits::APP_LABELS
        {
            return;
        }
        let mut hasher = self.hasher();
        (TARGET_INFO, &target).hash(&mut hasher);
        let identity = hasher.finish();
        if let Some(series) = self.series.get_mut(&identity) {
            if series.labels == labels {
                series.seen_ns = arrived_ns;
                return;
            }
            // It has changed, with the process behind it.
            self.remove(identity);
        }
        let standing = Standing::one(arrived_ns);
        let series = Series { family: TARGET_INFO.into(), labels, seen_ns: arrived_ns, standing };
        let help = "What is known of the resource that sends metrics.".to_owned();
        // Without room for it the series of the resource are shown nevertheless.
        let _ = self.enter(New { identity, shape: Shape::Gauge, help, series });
    }

    /// Lets go of series of which nothing came for long, and says how many those were.
    pub(super) fn expire(&mut self, now_ns: u64) -> u64 {
        if self.begun_ns == 0 {
            self.begun_ns = now_ns;
        }
        let after_ns = u64::try_from(self.options.expire_after.as_nanos()).unwrap_or(u64::MAX);
        // While this process did not run it could hear nothing.
        let silent =
            |series: &Series| now_ns.saturating_sub(series.seen_ns.max(self.begun_ns)) > after_ns;
        let gone: Vec<_> =
            self.series.iter().filter(|(_, series)| silent(series)).map(|(id, _)| *id).collect();
        gone.iter().for_each(|identity| self.remove(*identity));
        gone.len() as u64
    }

    fn remove(&mut self, identity: Identity) {
        let Some(series) = self.series.remove(&identity) else { return };
        let (lines, bytes) = (series.standing.held.lines(), label_bytes(&series.labels));
        self.count_lines(&series.family, lines, 0, bytes);
        let Some(family) = self.families.get_mut(&series.family) else { return };
        family.members.remove(&series.labels);
        if family.members.is_empty() {
            self.families.remove(&series.family);
            self.claimed.retain(|_, owner| *owner != series.family);
        }
    }

    fn count_lines(&mut self, family: &str, before: usize, after: usize, bytes: usize) {
        self.lines = self.lines + after - before;
        self.bytes = self.bytes + after * bytes - before * bytes;
        if let Some(family) = self.families.get_mut(family) {
            family.lines = family.lines + after - before;
        }
    }

    fn fits(&self, family: &str, lines: usize, bytes: usize) -> bool {
        let of_family = self.families.get(family).map_or(0, |family| family.lines);
        self.lines + lines <= self.options.series
            && of_family + lines <= self.options.series_per_metric
            && self.bytes + lines * bytes <= limits::APP_LABEL_PAGE_BYTES
    }

    fn claims_are_taken(&self, name: &str, shape: Shape) -> bool {
        names::claims(name, shape).iter().any(|claim| self.claimed.contains_key(claim))
    }

    fn no_room(&mut self, origin: &Origin<'_>, metric: &Metric<'_>, point: &Point<'_>) -> Refusal {
        let kind = metric.kind;
        let name =
            names::page_name(metric.name, metric.unit, shape(kind), kind == MetricKind::Gauge);
        let name = name.unwrap_or_default();
        self.offenders.record(&name, origin.service(), || {
            let labels = labels::of_point(&Labels::new(), &point.attributes);
            labels
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(",")
        });
        Refusal::SeriesLimit
    }

    fn hasher(&self) -> impl Hasher + use<> {
        FixedState::with_seed(self.seed).build_hasher()
    }

    fn identity(&self, origin: &Origin<'_>, metric: &Metric<'_>, point: &Point<'_>) -> Identity {
        let mut hasher = self.hasher();
        let key = ["service.namespace", "service.name", "service.instance.id"];
        for key in key {
            match crate::model::find(&origin.resource, key) {
                Some(value) => hash_value(value, &mut hasher),
                None => 0_u8.hash(&mut hasher),
            }
        }
        (origin.scope.name, origin.scope.version).hash(&mut hasher);
        (metric.name, metric.unit, shape(metric.kind) as u8).hash(&mut hasher);
        // Attributes have no order.
        let attributes = point.attributes.iter().fold(0_u64, |sum, attribute| {
            let mut hasher = self.hasher();
            attribute.key.hash(&mut hasher);
            hash_value(&attribute.value, &mut hasher);
            sum.wrapping_add(hasher.finish())
        });
        (attributes, point.attributes.len()).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn options(&self) -> &AppMetricsOptions {
        &self.options
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Lines on the page.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Families by name.
    pub(super) fn families(&self) -> &BTreeMap<Arc<str>, Family> {
        &self.families
    }

    pub(super) fn series(&self, identity: Identity) -> Option<&Series> {
        self.series.get(&identity)
    }

    pub(super) fn refused_room(&self) -> &Offenders {
        &self.offenders
    }
}

fn help(metric: &Metric<'_>) -> String {
    let text = metric.description.trim();
    if text.is_empty() {
        return format!("The app's metric {}, without a description.", metric.name);
    }
    let text = &text[..text.floor_char_boundary(limits::APP_HELP_BYTES)];
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Bytes that the labels take on each line; what stands around them is a part.
fn label_bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
}

fn hash_value(value: &Value<'_>, hasher: &mut impl Hasher) {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Empty => {}
        Value::Text(text) => text.hash(hasher),
        Value::Bool(switch) => switch.hash(hasher),
        Value::Int(number) => number.hash(hasher),
        Value::Double(number) => number.to_bits().hash(hasher),
        Value::Bytes(bytes) => bytes.hash(hasher),
        Value::Array(items) => {
            items.len().hash(hasher);
            items.iter().for_each(|item| hash_value(item, hasher));
        }
        Value::Map(pairs) => {
            pairs.len().hash(hasher);
            for pair in pairs {
                pair.key.hash(hasher);
                hash_value(&pair.value, hasher);
            }
        }
    }
}
