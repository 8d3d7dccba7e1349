//! Who may ask what.

use super::*;
use crate::api::access::Access;
use crate::api::routes::routes;

/// A path that matches the template.
fn example(template: &str) -> String {
    template.replace("{trace_id}", "0af7651916cd43dd8448eb211c80319c")
}

#[tokio::test]
async fn every_route_under_every_key() {
    let world = Arc::new(World::default());
    let keys = vec![key("i", Role::Ingest), key("r", Role::Read), key("a", Role::Admin)];
    let router = router(handles(&world, keys));
    for route in routes() {
        let path = example(route.path);
        // For no key, a wrong one, and those of each role: is the request let through?
        let passes = match route.access {
            Access::Open => [true; 5],
            Access::Needs(Role::Ingest) => [false, false, true, false, true],
            Access::Needs(Role::Read) => [false, false, false, true, true],
            Access::Needs(Role::Admin) => [false, false, false, false, true],
        };
        for (sent, passes) in ["", "wrong", "i", "r", "a"].into_iter().zip(passes) {
            let bearer = format!("Bearer {sent}");
            for header in [("x-api-key", sent), ("authorization", bearer.as_str())] {
                let answer = send(&router, "GET", &path, &[header]).await;
                let refusal = if ["", "wrong"].contains(&sent) { 401 } else { 403 };
                let refused = [401, 403].contains(&answer.status.as_u16());
                assert_eq!(refused, !passes, "{path} with {sent:?}: {}", answer.status);
                if refused {
                    assert_eq!(answer.status.as_u16(), refusal);
                    assert_eq!(answer.header("www-authenticate").is_empty(), refusal == 403);
                    assert!(answer.json()["error"]["code"].is_string());
                }
            }
        }
    }
}

#[tokio::test]
async fn without_keys_everything_is_open() {
    let router = open_router(&Arc::new(World::default()));
    for route in routes() {
        let answer = get(&router, &example(route.path)).await;
        assert!(![401, 403].contains(&answer.status.as_u16()), "{}", route.path);
    }
}

#[tokio::test]
async fn a_refused_login_is_reported_with_the_name_of_a_known_key_only() {
    let world = Arc::new(World::default());
    let router = router(handles(&world, vec![key("reader", Role::Read)]));
    send(&router, "GET", "/api/config", &[("x-api-key", "reader")]).await;
    send(&router, "GET", "/api/config", &[("x-api-key", "guess")]).await;
    send(&router, "GET", "/api/config", &[]).await;
    let heard = world.denied.lock().unwrap().clone();
    let expected = [
        (Denied::Role(Role::Admin), Some("reader".to_owned())),
        (Denied::Unknown, None),
        (Denied::Missing, None),
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn an_open_pharos_tells_nothing_to_a_page_that_calls_it_by_another_name() {
    let world = Arc::new(World::default());
    let hosts = Hosts::loopback_and(None);
    let router = router(ApiHandles { hosts, ..handles(&world, Vec::new()) });
    for route in routes() {
        let path = example(route.path);
        let answer = send(&router, "GET", &path, &[("host", "evil.example:9464")]).await;
        let refused = answer.status == 403 && answer.code() == "wrong_host";
        assert_eq!(refused, route.access != Access::Open, "{path}");
        let answer = send(&router, "GET", &path, &[("host", "127.0.0.1:9464")]).await;
        assert_ne!(answer.status, 403, "{path}");
    }
}
