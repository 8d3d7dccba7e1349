//! Finding the log records of a batch that a search asks for, cheapest question first.

use std::cell::OnceCell;
use std::ops::RangeInclusive;

use memchr::memmem::Finder;

use super::attribute::{LOG_ATTRIBUTES, has_all};
use super::filter::sent;
use super::logs::LogFilters;
use super::newest_logs::NewestLogs;
use super::records::{Groups, origin_of};
use super::text::Needle;
use crate::model::{LogRecord, Origin, Value, find};
use crate::otlp::read;
use crate::otlp::wire::WireError;
use crate::storage::index::{Group, LogHead, ServiceSet};

/// Looks for the log records that fulfil all conditions of a search.
pub(in crate::storage) struct LogScanner<'q> {
    filters: &'q LogFilters,
    needles: Vec<Finder<'q>>,
    text: Option<Needle>,
    services: ServiceSet,
}

impl<'q> LogScanner<'q> {
    /// What looks for these conditions.
    pub(in crate::storage) fn new(filters: &'q LogFilters) -> Self {
        let names = [&filters.service, &filters.event_name];
        let names = names.into_iter().flatten().map(String::as_str);
        let needles = sent(names, &filters.attributes).map(Finder::new).collect();
        let text = filters.text.as_deref().map(Needle::new);
        let services = filters.service.as_deref().map(ServiceSet::of).unwrap_or_default();
        Self { filters, needles, text, services }
    }

    /// Whether the group can hold a record of these times that is looked for.
    pub(in crate::storage) fn may_find(&self, group: &Group, times: &RangeInclusive<u64>) -> bool {
        group.has_logs()
            && group.min_log_ns <= *times.end()
            && group.max_log_ns >= *times.start()
            && self.filters.min_severity.is_none_or(|least| group.max_severity >= least)
            && group.log_services.may_hold(self.services)
    }

    /// Offers every record of a logs request that fulfils the conditions.
    pub(in crate::storage) fn scan(
        &self,
        body: &[u8],
        newest: &mut NewestLogs,
    ) -> Result<(), WireError> {
        // Text that stands nowhere in the request is in none of its records.
        if self.needles.iter().any(|needle| needle.find(body).is_none()) || !self.may_say(body) {
            return Ok(());
        }
        for resource in read::messages(body, 1) {
            let resource = resource?;
            for scope in read::messages(resource, 2) {
                self.scan_scope(Groups { resource, scope: scope? }, newest)?;
            }
        }
        Ok(())
    }

    fn scan_scope(&self, groups: Groups<'_>, newest: &mut NewestLogs) -> Result<(), WireError> {
        // Most records are passed over before anybody asks where they came from.
        let (request, origin) = (OnceCell::new(), OnceCell::new());
        for record in read::messages(groups.scope, 2) {
            let record = record?;
            // A damaged record hides none of its neighbours.
            let Ok(head) = LogHead::read(record) else { continue };
            if !newest.wants(head.time_ns) || !self.admits_head(&head) || !self.may_say(record) {
                continue;
            }
            let request: &Vec<u8> = request.get_or_init(|| groups.request());
            if self.admits(origin.get_or_init(|| origin_of(request)), record) {
                newest.offer(&head, request, record);
            }
        }
        Ok(())
    }

    /// Whether a record with these bare fields can match.
    pub(in crate::storage) fn admits_head(&self, head: &LogHead<'_>) -> bool {
        let filters = self.filters;
        filters.from_ns.is_none_or(|from| head.time_ns >= from)
            && filters.to_ns.is_none_or(|to| head.time_ns <= to)
            && filters.trace.is_none_or(|trace| head.trace_id == trace.as_bytes())
            && filters.span.is_none_or(|span| head.span_id == span.as_bytes())
            && filters.min_severity.is_none_or(|least| head.severity >= least.max(1))
    }

    /// Whether a record of these bytes, sent from there, fulfils the conditions that are no
    /// matter of its bare fields.
    pub(in crate::storage) fn admits(&self, origin: &Origin<'_>, record: &[u8]) -> bool {
        let filters = self.filters;
        filters.service.as_ref().is_none_or(|service| origin.service() == service)
            && has_all(&filters.attributes, origin, record, LOG_ATTRIBUTES)
            && read::log_record(record).is_ok_and(|record| {
                filters.event_name.as_ref().is_none_or(|name| event_name(&record) == name)
                    && self.text.as_ref().is_none_or(|text| text.is_in_log(&record))
            })
    }

    /// Whether a record of this service can match.
    pub(super) fn admits_service(&self, service: &str) -> bool {
        self.filters.service.as_ref().is_none_or(|wanted| service == wanted)
    }

    /// Whether a free text is asked for.
    pub(super) fn has_text(&self) -> bool {
        self.text.is_some()
    }

    /// Whether the free text asked for may stand in these bytes.
    pub(super) fn may_say(&self, bytes: &[u8]) -> bool {
        self.text.as_ref().is_none_or(|text| text.is_in_bytes(bytes))
    }
}

/// The name of the event: its own field's or, as before there was one, an attribute's.
fn event_name<'a>(record: &LogRecord<'a>) -> &'a str {
    match record.event_name {
        "" => find(&record.attributes, "event.name").and_then(Value::as_text).unwrap_or_default(),
        name => name,
    }
}
