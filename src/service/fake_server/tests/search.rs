//! Searches in a filled store.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::service::fake_server::dates::instant_text;
use crate::service::fake_server::incoming::Incoming;
use crate::service::fake_server::json_members::raw;
use crate::service::fake_server::refusal::Refusal;
use crate::service::fake_server::resources::{Preconditions, Resources};
use crate::service::fake_server::search::{
    Continuation, KEPT_SEARCHES, KeptSearches, Search, SearchContext, find_existing,
};

const CONTEXT: SearchContext<'static> = SearchContext {
    base: "http://server/fhir",
    strict: true,
    stale_writes: 0,
    default_count: 20,
    max_count: 50,
};

fn second(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + number, 0).unwrap()
}

/// Stores resources one second apart.
fn store(texts: &[&str]) -> Resources {
    let mut store = Resources::default();
    for text in texts {
        put(&mut store, text);
    }
    store
}

fn put(store: &mut Resources, text: &str) {
    let incoming = Incoming::parse(text.as_bytes()).unwrap();
    let (resource_type, id) = (incoming.resource_type.clone(), incoming.id.clone().unwrap());
    let now = second(i64::try_from(store.writes).unwrap());
    store
        .put(
            &resource_type,
            &id,
            incoming,
            &Preconditions::default(),
            now,
        )
        .unwrap();
}

fn parse(
    resource_type: &str,
    query: &str,
    context: &SearchContext<'_>,
) -> Result<Arc<Search>, Refusal> {
    let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    Search::parse(resource_type, parameters, context).map(Arc::new)
}

fn page(
    store: &Resources,
    search: &Arc<Search>,
    kept: &mut KeptSearches,
    context: &SearchContext<'_>,
    continuation: Option<&Continuation>,
) -> Value {
    let page = search.page(store, kept, context, continuation);
    serde_json::from_str(raw(&page).get()).unwrap()
}

fn first_page(
    store: &Resources,
    resource_type: &str,
    query: &str,
    context: &SearchContext<'_>,
) -> Value {
    let search = parse(resource_type, query, context).unwrap();
    page(store, &search, &mut KeptSearches::default(), context, None)
}

/// The ids that a search finds or includes, included ones in brackets.
fn ids_with(
    store: &Resources,
    resource_type: &str,
    query: &str,
    context: &SearchContext<'_>,
) -> Vec<String> {
    shown(&first_page(store, resource_type, query, context))
}

fn shown(page: &Value) -> Vec<String> {
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    let id = |entry: &Value| {
        entry["resource"]["id"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    entries
        .iter()
        .map(|entry| {
            if entry["search"]["mode"] == "match" {
                id(entry)
            } else {
                format!("[{}]", id(entry))
            }
        })
        .collect()
}

fn ids(store: &Resources, resource_type: &str, query: &str) -> Vec<String> {
    ids_with(store, resource_type, query, &CONTEXT)
}

fn pathology() -> Resources {
    store(&[
        r#"{"resourceType":"Specimen","id":"part"}"#,
        r#"{"resourceType":"Specimen","id":"block","parent":[{"reference":"Specimen/part"}]}"#,
        r#"{"resourceType":"Observation","id":"ihc","status":"final","subject":{"reference":"Patient/p"},
            "code":{"coding":[{"system":"http://loinc.org","code":"85319-2"}]},
            "specimen":{"reference":"http://server/fhir/Specimen/block"},
            "identifier":[{"system":"urn:lab","value":"a,b"}]}"#,
        r#"{"resourceType":"Observation","id":"panel","status":"amended","subject":{"reference":"Group/p"},
            "code":{"coding":[{"code":"local"}]},"hasMember":[{"reference":"Observation/ihc/_history/1"}],
            "component":[{"code":{"coding":[{"system":"http://loinc.org","code":"49683-6"}]}}]}"#,
        r#"{"resourceType":"DiagnosticReport","id":"report","result":[{"reference":"Observation/panel"},
            {"reference":"Observation/missing"}],"code":{"text":"words"},"specimen":[{"reference":"Specimen/block"}]}"#,
        r#"{"resourceType":"Task","id":"task","for":{"reference":"Patient/p"},"focus":{"reference":"Observation/ihc"}}"#,
    ])
}

#[test]
fn tokens_match_by_system_and_code() {
    let store = pathology();
    let codes = |query: &str| ids(&store, "Observation", query);
    assert_eq!(codes("code=http://loinc.org|85319-2"), ["ihc"]);
    assert_eq!(codes("code=85319-2"), ["ihc"]);
    assert_eq!(codes("code=|local"), ["panel"]);
    assert_eq!(codes("code=|85319-2"), [""; 0]);
    assert_eq!(codes("code=http://loinc.org|"), ["ihc"]);
    assert_eq!(
        codes("code=other|x,http://loinc.org|85319-2,|local"),
        ["ihc", "panel"]
    );
    assert_eq!(codes("code=http://loinc.org|49683-6"), [""; 0]);
    assert_eq!(codes("combo-code=http://loinc.org|49683-6"), ["panel"]);
    assert_eq!(codes("combo-code=http://loinc.org|85319-2"), ["ihc"]);
    assert_eq!(codes("identifier=urn:lab|a%5C,b"), ["ihc"]);
    assert_eq!(codes("status=final"), ["ihc"]);
    assert_eq!(codes("status=final&code=|local"), [""; 0]);
    assert_eq!(codes("_id=panel,nobody"), ["panel"]);
}

#[test]
fn references_match_whichever_way_they_are_written() {
    let store = pathology();
    let found = |query: &str| ids(&store, "Observation", query);
    assert_eq!(found("specimen=Specimen/block"), ["ihc"]);
    assert_eq!(found("specimen=block"), ["ihc"]);
    assert_eq!(found("specimen=http://server/fhir/Specimen/block"), ["ihc"]);
    assert_eq!(found("has-member=Observation/ihc"), ["panel"]);
    assert_eq!(found("has-member=Observation/ihc/_history/2"), [""; 0]);
    assert_eq!(found("subject=p"), ["ihc", "panel"]);
    assert_eq!(found("patient=p"), ["ihc"]);
    assert_eq!(
        ids(&store, "Task", "patient=p&focus=Observation/ihc"),
        ["task"]
    );
    assert_eq!(
        ids(&store, "DiagnosticReport", "result=Observation/missing"),
        ["report"]
    );
}

#[test]
fn last_updated_compares_with_the_whole_span_of_a_date() {
    let store = store(&[
        r#"{"resourceType":"Basic","id":"first"}"#,
        r#"{"resourceType":"Basic","id":"second"}"#,
        r#"{"resourceType":"Basic","id":"third"}"#,
    ]);
    let found = |comparison: &str| ids(&store, "Basic", &format!("_lastUpdated={comparison}"));
    let middle = instant_text(second(1));
    assert_eq!(found(&format!("ge{middle}")), ["second", "third"]);
    assert_eq!(found(&format!("gt{middle}")), ["third"]);
    assert_eq!(found(&format!("le{middle}")), ["first", "second"]);
    assert_eq!(found(&format!("lt{middle}")), ["first"]);
    assert_eq!(found(&format!("eq{middle}")), ["second"]);
    assert_eq!(found(&middle), ["second"]);
    assert_eq!(
        found(&format!("ge{middle}&_lastUpdated=le{middle}")),
        ["second"]
    );
    assert_eq!(found("ge2027-01-15"), ["first", "second", "third"]);
    assert_eq!(found("gt2027-01-15"), [""; 0]);
    assert_eq!(found("2027-01"), ["first", "second", "third"]);
    assert_eq!(found("lt2027"), [""; 0]);
    assert_eq!(found("ge2027-01-15T09:00:01%2B01:00"), ["second", "third"]);
    for unusable in [
        "ne2027",
        "2027-13-01",
        "ge2027-01-15T09:00:01",
        "ge2027-01-15T09:00:01+01:00",
        "",
    ] {
        assert!(
            parse("Basic", &format!("_lastUpdated={unusable}"), &CONTEXT).is_err(),
            "{unusable}"
        );
    }
}

#[test]
fn includes_follow_references_and_iterate_only_when_asked() {
    let store = pathology();
    let reports = |query: &str| ids(&store, "DiagnosticReport", query);
    assert_eq!(
        reports("_include=DiagnosticReport:result"),
        ["report", "[panel]"]
    );
    assert_eq!(
        reports("_include=DiagnosticReport:result&_include:iterate=Observation:has-member"),
        ["report", "[panel]", "[ihc]"]
    );
    assert_eq!(
        reports("_include=DiagnosticReport:specimen&_include:iterate=Specimen:parent"),
        ["report", "[block]", "[part]"]
    );
    assert_eq!(
        reports("_include=DiagnosticReport:specimen:Group"),
        ["report"]
    );
    // What is found already is not included again.
    assert_eq!(
        ids(&store, "Observation", "_include=Observation:has-member"),
        ["ihc", "panel"]
    );
}

#[test]
fn an_unknown_parameter_is_refused_when_strict_and_else_left_out_of_the_self_link() {
    let lenient = SearchContext {
        strict: false,
        ..CONTEXT
    };
    for unknown in [
        "colour=red",
        "combo-code=x",
        "code:text=x",
        "_sort=code",
        "_include=Task:owner",
        "_summary=count",
    ] {
        assert!(
            parse("DiagnosticReport", unknown, &CONTEXT).is_err(),
            "{unknown}"
        );
        let query = format!("status=final&{unknown}");
        let page = first_page(&Resources::default(), "DiagnosticReport", &query, &lenient);
        assert_eq!(
            page["link"][0]["url"],
            "http://server/fhir/DiagnosticReport?status=final"
        );
    }
    assert!(parse("Basic", "_count=many", &lenient).is_err());
    assert!(parse("Basic", "code=", &lenient).is_err());
    assert!(parse("Basic", "_elements=id,meta", &CONTEXT).is_ok());
}

#[test]
fn pages_go_by_offset_so_an_update_in_between_hides_a_resource() {
    let texts = ["a", "b", "c", "d"].map(|id| format!(r#"{{"resourceType":"Basic","id":"{id}"}}"#));
    let mut store = store(&texts.each_ref().map(String::as_str));
    let mut kept = KeptSearches::default();
    let search = parse("Basic", "_sort=_lastUpdated&_count=2", &CONTEXT).unwrap();
    let first = page(&store, &search, &mut kept, &CONTEXT, None);
    assert_eq!(shown(&first), ["a", "b"]);
    assert_eq!(
        first["link"][0]["url"],
        "http://server/fhir/Basic?_sort=_lastUpdated&_count=2"
    );
    assert_eq!(first["link"][1]["relation"], "next");
    assert_eq!(
        first["link"][1]["url"],
        "http://server/fhir/Basic?_getpages=00000001&_offset=2"
    );
    assert_eq!(first.get("total"), None);

    put(&mut store, &texts[0]);
    let continuation = Continuation {
        token: "00000001".to_owned(),
        offset: 2,
    };
    let continued = kept.find(&continuation.token).unwrap();
    let second = page(&store, &continued, &mut kept, &CONTEXT, Some(&continuation));
    assert_eq!(shown(&second), ["d", "a"]);
    assert_eq!(
        second["link"][0]["url"],
        "http://server/fhir/Basic?_getpages=00000001&_offset=2"
    );
    assert_eq!(second["link"].as_array().unwrap().len(), 1);
}

#[test]
fn a_count_is_honoured_up_to_the_cap() {
    let narrow = SearchContext {
        max_count: 2,
        default_count: 1,
        ..CONTEXT
    };
    let store = pathology();
    assert_eq!(ids_with(&store, "Observation", "", &narrow), ["ihc"]);
    assert_eq!(
        ids_with(&store, "Observation", "_count=9", &narrow).len(),
        2
    );
    assert_eq!(
        ids_with(&store, "Observation", "_count=0", &narrow),
        [""; 0]
    );
    assert_eq!(
        ids(&store, "Observation", "_sort=-_lastUpdated"),
        ["panel", "ihc"]
    );
}

#[test]
fn a_forgotten_or_invented_page_has_expired() {
    let store = pathology();
    let mut kept = KeptSearches::default();
    let search = parse("Observation", "_count=1", &CONTEXT).unwrap();
    for _ in 0..=KEPT_SEARCHES {
        page(&store, &search, &mut kept, &CONTEXT, None);
    }
    assert_eq!(kept.find("00000001").unwrap_err().status, StatusCode::GONE);
    assert!(kept.find("00000002").is_ok());
    kept.forget("00000002");
    assert!(kept.find("00000002").is_err());
    assert!(kept.find("nonsense").is_err());
}

#[test]
fn a_stale_index_misses_the_latest_writes() {
    let store = pathology();
    let behind = |stale_writes| SearchContext {
        stale_writes,
        ..CONTEXT
    };
    assert_eq!(ids_with(&store, "Task", "", &behind(0)), ["task"]);
    assert_eq!(ids_with(&store, "Task", "", &behind(1)), [""; 0]);
    assert_eq!(ids_with(&store, "Observation", "", &behind(3)), ["ihc"]);
}

#[test]
fn a_broken_entry_is_returned_as_it_stands_behind_the_resources() {
    let mut store = pathology();
    let broken = serde_json::value::RawValue::from_string(
        r#"{"resourceType":"Task", "value":1.50}"#.to_owned(),
    )
    .unwrap();
    store.add_broken_entry("Task", broken);
    let search = parse("Task", "", &CONTEXT).unwrap();
    let text = raw(&search.page(&store, &mut KeptSearches::default(), &CONTEXT, None));
    assert!(
        text.get()
            .contains(r#""resource":{"resourceType":"Task", "value":1.50},"search""#)
    );
    assert_eq!(ids(&store, "Task", ""), ["task", "none"]);
}

#[test]
fn a_conditional_create_finds_the_one_resource_that_is_meant() {
    let store = pathology();
    let found = |criteria: &str| find_existing(&store, "Observation", criteria, &CONTEXT);
    assert_eq!(
        found("identifier=urn:lab|a%5C,b").unwrap().unwrap().id,
        "ihc"
    );
    assert_eq!(found("Observation?_id=panel").unwrap().unwrap().id, "panel");
    assert!(found("identifier=urn:lab|other").unwrap().is_none());
    assert!(
        found("identifier=urn:other?identifier=a%5C,b")
            .unwrap()
            .is_none()
    );
    assert_eq!(
        found("subject=p").unwrap_err().status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        found("colour=red").unwrap_err().status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(found("").unwrap_err().status, StatusCode::BAD_REQUEST);
}
