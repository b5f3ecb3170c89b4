//! `airssys:core/services` and `airssys:core/storage`.

use crate::airssys::core::services::{self, LogLevel};
use crate::airssys::core::{messaging, storage};
use crate::report::{Report, told};

const SERVICES: &str = "airssys:core/services";
const STORAGE: &str = "airssys:core/storage";

pub(crate) fn probe(report: &mut Report, target: &str) {
    services::log(LogLevel::Info, "probe", &[("key".to_owned(), "value".to_owned())]);
    report.note(SERVICES, "log", "returned");
    report.note(SERVICES, "now", if services::now().seconds > 0 { "a time" } else { "no time" });
    let before = services::monotonic_now();
    services::sleep(1);
    report.note(SERVICES, "sleep", "returned");
    let later = services::monotonic_now() > before;
    report.note(SERVICES, "monotonic-now", if later { "a time" } else { "no time" });
    let others = services::list_components().into_iter().filter(|one| one.id != messaging::self_id()).count();
    report.note(SERVICES, "list-components", format!("{others} others"));
    let other = format!("{target}/0");
    report.note(SERVICES, "component-info", told(services::component_info(&other).map(|found| found.id)));

    let mut note = |function: &str, answer: String| report.note(STORAGE, function, answer);
    note("get", told(storage::get("key").map(|_| "a value")));
    note("set", told(storage::set("key", b"value").map(|()| "written")));
    note("delete", told(storage::delete("key")));
    note("exists", told(storage::exists("key")));
    note("list-keys", told(storage::list_keys("k").map(|keys| keys.len())));
    note("usage", told(storage::usage().map(|usage| usage.used_bytes)));
    note("compare-and-swap", told(storage::compare_and_swap("key", None, b"value")));
}
