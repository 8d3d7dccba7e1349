//! The table as bytes, for the snapshot beside the log.
//!
//! Numbers are little-endian, texts and lists have their length first. The snapshot's file is
//! checked as a whole, so what is read here is what was written, or of another version.

use std::sync::Arc;

use super::AppMetricsOptions;
use super::held::{Course, Held, Standing};
use super::names::Shape;
use super::table::{New, Series, Table};

const VERSION: u64 = 1;

/// The table's series and what tells them apart.
pub(super) fn write(table: &Table) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(64 * 1024));
    out.number(VERSION);
    out.number(table.seed());
    let series: usize = table.families().values().map(|family| family.members.len()).sum();
    out.number(series as u64);
    for (name, family) in table.families() {
        for identity in family.members.values() {
            let Some(series) = table.series(*identity) else { continue };
            out.number(*identity);
            out.text(name);
            out.number(family.shape as u64);
            out.text(&family.help);
            out.number(series.labels.len() as u64);
            for (name, value) in &series.labels {
                out.text(name);
                out.text(value);
            }
            out.number(series.seen_ns);
            out.standing(&series.standing);
        }
    }
    out.0
}

/// The table as it was, within what bounds there are now; `None` where the bytes make none.
pub(super) fn read(bytes: &[u8], options: AppMetricsOptions) -> Option<Table> {
    let mut read = In(bytes);
    if read.number()? != VERSION {
        return None;
    }
    let mut table = Table::seeded(options, read.number()?);
    for _ in 0..read.number()? {
        let new = read.series()?;
        // What no longer fits, because there is less room than there was, is left out.
        let _ = table.enter(new);
    }
    read.0.is_empty().then_some(table)
}

struct Out(Vec<u8>);

struct In<'a>(&'a [u8]);

impl Out {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn float(&mut self, number: f64) {
        self.number(number.to_bits());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn standing(&mut self, standing: &Standing) {
        self.number(standing.course as u64);
        self.number(u64::from(standing.grows));
        self.number(standing.start_ns);
        self.number(standing.time_ns);
        match &standing.held {
            Held::Number(number) => {
                self.number(0);
                self.float(*number);
            }
            Held::Buckets { bounds, counts, sum } => {
                self.number(1);
                self.number(bounds.len() as u64);
                bounds.iter().for_each(|bound| self.float(*bound));
                counts.iter().for_each(|count| self.number(*count));
                // A sum is finite: NaN says that there is none.
                self.float(sum.unwrap_or(f64::NAN));
            }
            Held::Quantiles { count, sum, quantiles } => {
                self.number(2);
                self.number(*count);
                self.float(*sum);
                self.number(quantiles.len() as u64);
                for (quantile, value) in quantiles {
                    self.float(*quantile);
                    self.float(*value);
                }
            }
        }
    }
}

impl In<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn float(&mut self) -> Option<f64> {
        self.number().map(f64::from_bits)
    }

    fn text(&mut self) -> Option<String> {
        let bytes = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn series(&mut self) -> Option<New> {
        let identity = self.number()?;
        let family: Arc<str> = self.text()?.into();
        let shape = match self.number()? {
            0 => Shape::Counter,
            1 => Shape::Gauge,
            2 => Shape::Histogram,
            3 => Shape::Summary,
            _ => return None,
        };
        let help = self.text()?;
        let labels = (0..self.number()?).map(|_| Some((self.text()?, self.text()?)));
        let labels = labels.collect::<Option<_>>()?;
        let seen_ns = self.number()?;
        let standing = self.standing()?;
        let series = Series { family, labels, seen_ns, standing };
        Some(New { identity, shape, help, series })
    }

    fn standing(&mut self) -> Option<Standing> {
        let course = match self.number()? {
            0 => Course::Last,
            1 => Course::Cumulative,
            2 => Course::Delta,
            _ => return None,
        };
        let grows = self.number()? != 0;
        let (start_ns, time_ns) = (self.number()?, self.number()?);
        let held = match self.number()? {
            0 => Held::Number(self.float()?),
            1 => {
                let bounds = self.number()?;
                Held::Buckets {
                    bounds: (0..bounds).map(|_| self.float()).collect::<Option<_>>()?,
                    counts: (0..=bounds).map(|_| self.number()).collect::<Option<_>>()?,
                    sum: Some(self.float()?).filter(|sum| sum.is_finite()),
                }
            }
            2 => {
                let (count, sum) = (self.number()?, self.float()?);
                let quantiles = (0..self.number()?).map(|_| Some((self.float()?, self.float()?)));
                Held::Quantiles { count, sum, quantiles: quantiles.collect::<Option<_>>()? }
            }
            _ => return None,
        };
        Some(Standing { course, grows, start_ns, time_ns, held })
    }
}
