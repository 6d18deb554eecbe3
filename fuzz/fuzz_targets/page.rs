//! Any bytes as a page of FHIR JSON, the way of `derive` and `explain`: nothing panics, hangs or takes much memory, and
//! what is read and what is refused add up.

#![no_main]

use std::sync::LazyLock;

use her2_adapter::app;
use her2_adapter::config::Config;
use her2_adapter::pipeline::record::DecisionRecord;
use her2_adapter::pipeline::results::{Composer, Publishing, Release};
use her2_adapter::pipeline::{Rules, derive};
use her2_adapter::render;
use her2_adapter::service::files::{Entries, Input, InputText};
use libfuzzer_sys::fuzz_target;

static PARTS: LazyLock<(Rules, Publishing)> = LazyLock::new(|| {
    let mut config = Config::load(None).expect("the default settings");
    config.publish.patient_summary = true;
    let rules = app::rules(&config).expect("the shipped mapping");
    let publishing = app::publishing(&config, Release::R4).expect("the output codes");
    (rules, publishing)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (rules, publishing) = &*PARTS;
    let input = Input {
        texts: vec![InputText {
            place: "page".to_owned(),
            text: text.to_owned(),
        }],
        rejected: Vec::new(),
    };
    let entries = Entries::look(&input, rules.patient_summary, &mut |_| {});
    let now = entries.newest_moment();
    for group in entries.groups() {
        let Some(together) = group.read(&mut |_| {}) else {
            continue;
        };
        let derived = derive(&together.pool, rules);
        for case in &derived.cases {
            DecisionRecord::of(case).to_json().expect("a record is JSON");
            render::explained(case, render::Format::Markdown);
            // What cannot be composed is refused with a reason.
            let _ = Composer::new(case, &together.pool, rules, publishing, &now).compose(None);
        }
    }
});
