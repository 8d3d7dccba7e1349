//! Which metrics found no room, for the API that names offenders.

use std::collections::BTreeMap;

use crate::limits;
use crate::metrics::{Offender, clean_label_value};

/// Label sets that are shown of one metric.
const SAMPLES: usize = 5;
/// The longest of them, in bytes.
const SAMPLE_BYTES: usize = 96;

/// By the name on the page, or as sent where it has none.
#[derive(Debug, Default)]
pub(super) struct Offenders(BTreeMap<String, Offender>);

impl Offenders {
    /// A point of a metric found no room. `labels` are asked for while samples are wanted.
    pub(super) fn record(&mut self, name: &str, service: &str, labels: impl FnOnce() -> String) {
        if !self.0.contains_key(name) {
            if self.0.len() >= limits::APP_OFFENDERS {
                return;
            }
            let service = clean_label_value(service, SAMPLE_BYTES).into_owned();
            let offender = Offender {
                metric: name.to_owned(),
                label: None,
                overflowed: 0,
                samples: Vec::new(),
                service: Some(service),
            };
            self.0.insert(name.to_owned(), offender);
        }
        let Some(offender) = self.0.get_mut(name) else { return };
        offender.overflowed += 1;
        if offender.samples.len() < SAMPLES {
            let sample = clean_label_value(&labels(), SAMPLE_BYTES).into_owned();
            if !offender.samples.contains(&sample) {
                offender.samples.push(sample);
            }
        }
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<Offender> {
        self.0.values().cloned().collect()
    }
}
