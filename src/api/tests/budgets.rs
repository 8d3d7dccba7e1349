//! Budgets as people ask for them.

use super::*;
use crate::clock;
use crate::model::{Ask, SpanId, Spending as _};

#[tokio::test]
async fn budgets_tell_what_is_left() {
    let world = Arc::new(World::default());
    let handles = handles(&world, Vec::new());
    let ask = Ask {
        tenant: Some("acme"),
        team: None,
        span: SpanId::from_bytes(&[1; 8]).unwrap(),
        tokens: 40,
        usd: Some(0.1),
        now_ns: clock::unix_nanos(),
    };
    handles.budgets.reserve(&ask).unwrap();
    let router = router(handles);
    let answer = get(&router, "/api/budgets").await.json();
    assert_eq!(
        (&answer["time_zone"], &answer["unpriced"]),
        (&"Europe/Berlin".into(), &"allow".into())
    );
    let names: Vec<_> =
        answer["budgets"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["acme", "research"]);
    let tokens = &answer["budgets"][0]["daily"]["tokens"];
    let expected = serde_json::json!({
        "used": 0, "reserved": 40, "limit": 100, "soft_limit": 80, "remaining": 100,
        "used_pct": 0.0, "state": "ok", "reported": false,
        "forecast": { "state": "unknown", "exhausted_at": null },
    });
    assert_eq!(*tokens, expected);
    let usd = &answer["budgets"][0]["monthly"]["usd"];
    assert_eq!((usd["reserved"].as_f64(), usd["remaining"].as_f64()), (Some(0.1), Some(2.5)));
    assert!(answer["budgets"][0]["daily"]["usd"]["limit"].is_null());

    let one = get(&router, "/api/budgets/team/research").await.json();
    assert_eq!(one["budget"], answer["budgets"][1]);
    let teams = get(&router, "/api/budgets?kind=team&state=ok").await.json();
    assert_eq!(teams["budgets"].as_array().unwrap().len(), 1);
    let none = get(&router, "/api/budgets?state=hard").await.json();
    assert_eq!(none["budgets"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_said() {
    let router = open_router(&Arc::new(World::default()));
    for (path, status, code) in [
        ("/api/budgets?kind=user", 400, "invalid_parameter"),
        ("/api/budgets?state=low", 400, "invalid_parameter"),
        ("/api/budgets?tenant=acme", 400, "invalid_parameter"),
        ("/api/budgets/user/acme", 400, "invalid_parameter"),
        ("/api/budgets/tenant/nobody", 404, "not_found"),
        ("/api/budgets/team/acme", 404, "not_found"),
    ] {
        let answer = get(&router, path).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (status, code), "{path}");
    }
}
