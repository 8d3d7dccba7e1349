//! Blocks made at will, for tests.

use std::path::Path;
use std::sync::Arc;

use super::catalog::Catalog;
use super::sealing::Workshop;
use crate::model::Understand;
use crate::storage::fs::{Fs, RealFs};
use crate::storage::index::Frames;
use crate::storage::index::double;
use crate::storage::layout::Layout;

/// A catalog of blocks in a folder, and what makes them.
pub(in crate::storage) struct Shelves {
    pub(in crate::storage) catalog: Arc<Catalog>,
    workshop: Workshop,
}

impl Shelves {
    pub(in crate::storage) fn open(dir: &Path, log_from: u64) -> Self {
        Self::understanding(dir, log_from, double::reader())
    }

    pub(in crate::storage) fn understanding(
        dir: &Path,
        log_from: u64,
        understand: Understand,
    ) -> Self {
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        let layout = Layout::new(dir);
        let catalog = Catalog::open(Arc::clone(&fs), layout.clone(), log_from).unwrap();
        Self {
            catalog: Arc::new(catalog),
            workshop: Workshop { fs, layout, understand, watch: |_| {} },
        }
    }

    /// Makes blocks of all closed segments; says up to which.
    pub(in crate::storage) fn seal_closed(&self, log: &dyn Frames) -> u64 {
        let through = self.catalog.shelved().through;
        for segment in log.segments() {
            if segment.sealed && segment.number > through {
                let seal = self.workshop.seal(log, &segment, &mut *double::open_book()).unwrap();
                self.catalog.insert(seal);
            }
        }
        self.catalog.shelved().through
    }

    /// Makes one block of all there are.
    pub(in crate::storage) fn merge_all(&self) {
        let blocks = self.catalog.shelved().blocks;
        if blocks.len() > 1
            && let Some(seal) = self.workshop.merge(&blocks, &|| false).unwrap()
        {
            self.catalog.replace(seal);
        }
    }
}
