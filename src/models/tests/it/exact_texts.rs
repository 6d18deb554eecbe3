//! Dates and decimals that must come out as they went in, and those that are none.

use crate::samples;
use her2_models::{ComponentValue, Effective, Invalid, ObservationDraft, observation};

fn with_decimal(text: &str) -> ObservationDraft {
    let value = ComponentValue::Quantity(samples::quantity(text));
    ObservationDraft {
        components: vec![samples::component("49683-6", value)],
        ..samples::bare_observation()
    }
}

fn with_effective(text: &str) -> ObservationDraft {
    ObservationDraft {
        effective: Some(Effective::DateTime(text.into())),
        ..samples::bare_observation()
    }
}

fn with_issued(text: &str) -> ObservationDraft {
    ObservationDraft {
        issued: Some(text.into()),
        ..samples::bare_observation()
    }
}

#[test]
fn decimals_keep_every_digit() {
    let decimals = [
        "2.00",
        "10",
        "1.2e1",
        "3.9999999999999999",
        "0",
        "-0.0",
        "1E+400",
        "5e-07",
        "123456789012345678901234567890.10",
    ];
    for text in decimals {
        let json = observation(&with_decimal(text)).unwrap();
        assert!(
            json.contains(&format!("\"valueQuantity\":{{\"value\":{text},\"unit\"")),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_json_number_is_no_decimal() {
    let path = "Observation.component[0].valueQuantity.value".to_owned();
    let texts = [
        "", " ", "2,0", ".5", "2.", "02", "-", "+1", "1e", "1e+", "1.e1", " 2", "2 ", "0x1", "NaN",
        "1e1.5", "٢",
    ];
    for text in texts {
        let refused = observation(&with_decimal(text)).unwrap_err();
        assert_eq!(refused, Invalid::Decimal { path: path.clone() }, "{text}");
    }
}

#[test]
fn dates_and_times_keep_their_precision_and_zone() {
    let texts = [
        "2024",
        "2024-03",
        "2024-02-29",
        "2000-02-29",
        "0001-01-01",
        "9999-12-31",
        "2024-03-08T10:00:00.120-04:00",
        "2024-03-08T10:00:00+14:00",
        "2024-03-08T10:00:00-00:00",
        "2016-12-31T23:59:60Z",
        "2024-03-08T00:00:00.00000000000000000000000Z",
    ];
    for text in texts {
        let json = observation(&with_effective(text)).unwrap();
        assert!(
            json.contains(&format!("\"effectiveDateTime\":\"{text}\"")),
            "{text}"
        );
    }
}

#[test]
fn dates_that_are_in_no_calendar_or_not_written_as_fhir_prints_them_are_refused() {
    let path = "Observation.effectiveDateTime".to_owned();
    let texts = [
        "",
        "24",
        "20240308",
        "2024-3-8",
        "2024-00",
        "2024-13",
        "2024-04-31",
        "2023-02-29",
        "1900-02-29",
        "0000",
        "2024-03-08-01",
        "2024-03-08T10:00",
        "2024-03-08T10:00Z",
        "2024-03-08T10:00:00",
        "2024-03T10:00:00Z",
        "2024-03-08T24:00:00Z",
        "2024-03-08T10:60:00Z",
        "2024-03-08T10:00:61Z",
        "2024-03-08T10:00:00.Z",
        "2024-03-08T10:00:00z",
        "2024-03-08t10:00:00Z",
        "2024-03-08T10:00:00+0100",
        "2024-03-08T10:00:00+01",
        "2024-03-08T10:00:00+14:01",
        "2024-03-08T10:00:00+01:60",
        "2024-03-08T10:00:00Z ",
        "2024-03-08 10:00:00Z",
    ];
    for text in texts {
        let refused = observation(&with_effective(text)).unwrap_err();
        assert_eq!(refused, Invalid::DateTime { path: path.clone() }, "{text}");
    }
}

#[test]
fn an_instant_has_seconds_and_zone() {
    let exact = "2024-03-08T10:00:00.120-04:00";
    let json = observation(&with_issued(exact)).unwrap();
    assert!(json.contains(&format!("\"issued\":\"{exact}\"")));

    let path = "Observation.issued".to_owned();
    for text in [
        "",
        "2024-03-08",
        "2024-03-08T10:00Z",
        "2024-03-08T10:00:00",
        "2024-02-30T10:00:00Z",
    ] {
        let refused = observation(&with_issued(text)).unwrap_err();
        assert_eq!(refused, Invalid::Instant { path: path.clone() }, "{text}");
    }
}

#[test]
fn a_text_that_looks_like_a_stand_in_stays_itself() {
    let mut draft = with_decimal("2.00");
    draft.components.push(samples::component(
        "62361-1",
        ComponentValue::Text("1970".into()),
    ));
    draft
        .components
        .push(samples::component("74861-6", ComponentValue::Integer(0)));
    draft.issued = Some("2024-03-08T10:00:00Z".into());
    draft.notes = vec!["1970-01-01T00:00:00Z".into(), "Observation.issued".into()];
    let json = observation(&draft).unwrap();
    assert!(json.contains("\"valueString\":\"1970\""));
    assert!(json.contains("\"valueInteger\":0"));
    assert!(json.contains("{\"text\":\"1970-01-01T00:00:00Z\"},{\"text\":\"Observation.issued\"}"));
}

#[test]
fn a_period_ends_no_earlier_than_it_starts() {
    let period = |start: &str, end: &str| {
        let effective = Effective::Period {
            start: Some(start.into()),
            end: Some(end.into()),
        };
        observation(&ObservationDraft {
            effective: Some(effective),
            ..samples::bare_observation()
        })
    };
    let in_order = [
        ("2024-03-08", "2024-03-08"),
        ("2024-03-08", "2024-03"),
        ("2024-03-08T23:00:00+01:00", "2024-03-08"),
        ("2024-03-08T10:00:00+02:00", "2024-03-08T09:00:00+01:00"),
        ("2024-03-08T10:00:00.5Z", "2024-03-08T10:00:00.50Z"),
        ("2024-03-08T10:00:00.5Z", "2024-03-08T10:00:00.501Z"),
        ("2024", "9999"),
    ];
    for (start, end) in in_order {
        assert!(period(start, end).is_ok(), "{start} {end}");
    }
    let reversed = [
        ("2025", "2023"),
        ("2024-03-10", "2024-03-08"),
        ("2024-03-08T10:00:00+01:00", "2024-03-08T10:00:00+02:00"),
        ("2024-03-08T10:00:00.51Z", "2024-03-08T10:00:00.5Z"),
        ("2024-03-08T10:00:00Z", "2024-02"),
    ];
    for (start, end) in reversed {
        let path = "Observation.effectivePeriod".to_owned();
        assert_eq!(
            period(start, end).unwrap_err(),
            Invalid::Rule {
                path,
                rule: "per-1"
            },
            "{start} {end}"
        );
    }
}
