//! Rows that the collector's exporter wrote, not Pharos.

use super::*;

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn what_another_sender_wrote_is_found_and_understood() {
    let engine = Engine::start();
    let world = World::new(&engine);
    world.append(&spans(&[TestSpan { trace: 9, ..TestSpan::default() }]));
    world.settle();
    let table = world.table("otel_traces");
    let trace = id(1).to_string();
    engine.query(&format!(
        "INSERT INTO {table} (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, \
         ResourceAttributes, SpanAttributes, Duration, StatusCode, StatusMessage, \
         `Events.Timestamp`, `Events.Name`, `Events.Attributes`) SELECT \
         fromUnixTimestamp64Nano(toInt64(5000)), '{trace}', '00000000000000ab', 'call', \
         'SPAN_KIND_CLIENT', 'bot', map('service.name', 'bot', 'zone', 'eu'), \
         map('op', 'chat', 'model', 'gpt', 'in', '7', 'tenant', 'acme'), 400, \
         'STATUS_CODE_ERROR', 'too hot', [fromUnixTimestamp64Nano(toInt64(5100))], \
         ['exception'], [map('exception.type', 'Heat')]"
    ));
    let search = |filters: Filters| {
        let query = SearchQuery { filters, ..SearchQuery::default() };
        let page = Store::search(&*world.store, &query, patient()).unwrap();
        assert!(!page.incomplete);
        page.traces
    };
    for filters in [
        Filters { model: some("gpt"), ..Filters::default() },
        Filters { operation: some("llm"), tenant: some("acme"), ..Filters::default() },
        Filters { status: Some(Status::Error), service: some("bot"), ..Filters::default() },
        Filters { text: some("TOO HOT"), ..Filters::default() },
        Filters { attributes: vec![("zone".into(), "eu".into())], ..Filters::default() },
    ] {
        let traces = search(filters.clone());
        assert_eq!(traces.len(), 1, "{filters:?}");
        let summary = &traces[0];
        assert_eq!((summary.trace_id, summary.name.as_str()), (id(1), "call"));
        assert_eq!((summary.llm_calls, summary.input_tokens, summary.error_count), (1, 7, 1));
        assert_eq!((summary.start_ns, summary.end_ns), (5_000, 5_400));
    }
    assert!(search(Filters { model: some("gpt-2"), ..Filters::default() }).is_empty());
    assert_eq!(search(Filters::default()).len(), 2);
    let kept = Store::trace(&*world.store, id(1)).unwrap();
    kept.visit(|origin, span| {
        assert_eq!((origin.service(), span.kind.name()), ("bot", "client"));
        assert_eq!((span.status, span.status_message), (Status::Error, "too hot"));
        assert_eq!((span.attributes.len(), span.events[0].name), (4, "exception"));
    });
    assert_eq!(kept.span_count(), 1);
}

#[test]
#[ignore = "needs ClickHouse's engine; scripts/integration runs it"]
fn log_records_of_another_sender_are_found() {
    let engine = Engine::start();
    let world = World::new(&engine);
    world.append(&log_record(2, "ours", 6_000));
    world.settle();
    let table = world.table("otel_logs");
    let insert = format!(
        "INSERT INTO {table} (Timestamp, TraceId, SpanId, TraceFlags, SeverityText, \
         SeverityNumber, ServiceName, Body, ResourceAttributes, LogAttributes) SELECT \
         fromUnixTimestamp64Nano(toInt64(5000)), '{}', '00000000000000ab', 1, 'WARN', 13, 'bot', \
         'it is warm', map('service.name', 'bot'), map('k', 'v')",
        id(1)
    );
    engine.query(&insert);
    engine.query(&insert);
    let search = |filters: LogFilters| {
        let query = LogQuery { filters, ..LogQuery::default() };
        let page = Store::logs(&*world.store, &query, patient()).unwrap();
        assert!(!page.incomplete);
        page.records.len()
    };
    assert_eq!(search(LogFilters::default()), 2);
    assert_eq!(search(LogFilters { min_severity: Some(13), ..LogFilters::default() }), 1);
    assert_eq!(search(LogFilters { text: some("WARM"), ..LogFilters::default() }), 1);
    assert_eq!(search(LogFilters { service: some("bot"), ..LogFilters::default() }), 1);
    let key = vec![("k".to_owned(), "v".to_owned())];
    assert_eq!(search(LogFilters { attributes: key, ..LogFilters::default() }), 1);
    assert_eq!(Store::trace(&*world.store, id(1)).unwrap().logs.len(), 1);
}
