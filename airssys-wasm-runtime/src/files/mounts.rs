//! What is mounted where, as far as the kernel tells it: a folder can be had by another path than its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// File systems that are the kernel's own word, or its devices: nobody is granted them, wherever they are mounted.
const SYSTEM_KINDS: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// All that is mounted, in the order in which the kernel lists it. Where it lists nothing, as on other systems than
/// Linux, only paths can be compared.
#[derive(Debug, Default)]
pub(super) struct Mounts(Vec<Mount>);

#[derive(Debug)]
struct Mount {
    device: String,
    /// The folder of the device that is mounted.
    root: PathBuf,
    /// Where it is mounted.
    point: PathBuf,
    kind: String,
}

/// A folder by the device that holds it, whatever it is mounted as.
struct Place<'m> {
    device: &'m str,
    path: PathBuf,
}

impl Place<'_> {
    /// Whether one of the two is the other, or holds it.
    fn meets(&self, other: &Self) -> bool {
        self.device == other.device && overlap(&self.path, &other.path)
    }

    /// Whether this is the other, or holds it.
    fn holds(&self, other: &Self) -> bool {
        self.device == other.device && other.path.starts_with(&self.path)
    }
}

/// Whether one of two paths is the other, or leads to what holds it.
pub(super) fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

impl Mounts {
    /// What is mounted now. This blocks.
    pub(super) fn now() -> Self {
        std::fs::read("/proc/self/mountinfo").map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    pub(super) fn parse(text: &[u8]) -> Self {
        Self(text.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect())
    }

    /// Whether a folder that was granted, or what is mounted in it, leads to this other one, or to what lies in it.
    pub(super) fn lead(&self, granted: &Path, other: &Path) -> bool {
        let Some(other) = self.place(other) else { return false };
        self.places(granted).any(|own| own.meets(&other))
    }

    /// Whether this other folder is to be found in a folder that was granted, or in what is mounted in it.
    pub(super) fn show(&self, granted: &Path, other: &Path) -> bool {
        let Some(other) = self.place(other) else { return false };
        self.places(granted).any(|own| own.holds(&other))
    }

    /// What a folder that was granted gives access to.
    fn places<'m>(&'m self, granted: &'m Path) -> impl Iterator<Item = Place<'m>> {
        let within = self.within(granted).map(|mount| mount.place(&mount.point));
        self.place(granted).into_iter().chain(within)
    }

    /// The file system of the kernel's that a folder lies in, or that is mounted in it.
    pub(super) fn system<'m>(&'m self, granted: &'m Path) -> Option<&'m Path> {
        let around = self.around(granted).into_iter();
        let mut mounts = around.chain(self.within(granted));
        mounts.find(|mount| SYSTEM_KINDS.contains(&mount.kind.as_str())).map(|mount| mount.point.as_path())
    }

    /// The mount that holds a path: the innermost one, and of those at the same place the latest.
    fn around(&self, path: &Path) -> Option<&Mount> {
        let around = self.0.iter().filter(|mount| path.starts_with(&mount.point));
        around.max_by_key(|mount| mount.point.components().count())
    }

    fn within<'m>(&'m self, path: &'m Path) -> impl Iterator<Item = &'m Mount> {
        self.0.iter().filter(move |mount| mount.point != path && mount.point.starts_with(path))
    }

    fn place(&self, path: &Path) -> Option<Place<'_>> {
        self.around(path).map(|mount| mount.place(path))
    }
}

impl Mount {
    /// One line of `proc_pid_mountinfo(5)`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let device = String::from_utf8(fields.next()?.to_vec()).ok()?;
        let (root, point) = (path(fields.next()?), path(fields.next()?));
        // Of the fields in between, the kernel may have any number.
        let kind = String::from_utf8(fields.skip_while(|field| *field != b"-").nth(1)?.to_vec()).ok()?;
        Some(Self { device, root, point, kind })
    }

    fn place(&self, path: &Path) -> Place<'_> {
        let below = path.strip_prefix(&self.point).unwrap_or(Path::new(""));
        Place { device: &self.device, path: self.root.join(below) }
    }
}

/// A path in which the kernel has written blanks and backslashes as three octal digits.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match digits {
            Some(digits) if *first == b'\\' => {
                bytes.push(digits.iter().fold(0_u8, |value, digit| value.wrapping_mul(8) + (digit - b'0')));
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    text(bytes).into()
}

#[cfg(unix)]
fn text(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

/// Nothing is listed elsewhere.
#[cfg(not(unix))]
fn text(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid shared:2 - proc proc rw
24 22 0:22 / /dev rw,nosuid shared:3 - devtmpfs udev rw
25 22 0:21 / /srv/a/proc rw - proc proc rw
26 22 8:1 /var/audit /srv/b/inner\\040folder rw master:1 propagate_from:2 - ext4 /dev/sda1 rw
27 22 8:1 /var /mnt/var rw - ext4 /dev/sda1 rw
28 22 8:2 / /srv/c rw - ext4 /dev/sda2 rw
29 28 8:2 /kept /srv/d rw - ext4 /dev/sda2 rw
this is no line of it
";

    #[track_caller]
    fn check(granted: &str, system: Option<&str>, leads_to_audit: bool) {
        let mounts = Mounts::parse(LISTED.as_bytes());
        assert_eq!(mounts.system(Path::new(granted)), system.map(Path::new), "{granted}");
        assert_eq!(mounts.lead(Path::new(granted), Path::new("/var/audit")), leads_to_audit, "{granted}");
    }

    #[test]
    fn a_folder_is_shown_by_what_holds_it_under_any_name() {
        let mounts = Mounts::parse(LISTED.as_bytes());
        for (granted, shows_audit) in [
            ("/srv/b", true),
            ("/srv/b/inner folder", true),
            ("/srv/b/inner folder/below", false),
            ("/mnt", true),
            ("/mnt/var", true),
            ("/mnt/var/audit", true),
            ("/mnt/var/audit/old", false),
            ("/mnt/var/log", false),
            ("/var", true),
            ("/srv/plain", false),
        ] {
            assert_eq!(mounts.show(Path::new(granted), Path::new("/var/audit")), shows_audit, "{granted}");
        }
    }

    #[test]
    fn what_is_mounted_elsewhere_is_known_there() {
        check("/srv/plain", None, false);
        check("/srv/a", Some("/srv/a/proc"), false);
        check("/srv/a/proc/self", Some("/srv/a/proc"), false);
        check("/srv/a/pro", None, false);
        check("/dev/shm", Some("/dev"), false);
        check("/srv/b", None, true);
        check("/srv/b/inner folder/below", None, true);
        check("/srv/b/other", None, false);
        check("/mnt/var", None, true);
        check("/mnt", None, true);
        check("/mnt/var/audit/old", None, true);
        check("/mnt/var/log", None, false);
        check("/srv/c/var/audit", None, false);
        let mounts = Mounts::parse(LISTED.as_bytes());
        assert!(
            mounts.lead(Path::new("/srv/c"), Path::new("/srv/d/log")),
            "it holds the folder by its first name"
        );
        assert!(!mounts.lead(Path::new("/srv/c/other"), Path::new("/srv/d/log")));
    }

    #[test]
    fn where_nothing_is_listed_nothing_is_known() {
        let mounts = Mounts::default();
        assert_eq!(mounts.system(Path::new("/proc")), None);
        assert!(!mounts.lead(Path::new("/a"), Path::new("/a/b")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_lists_its_own() {
        assert_eq!(Mounts::now().system(Path::new("/proc/self")), Some(Path::new("/proc")));
    }
}
