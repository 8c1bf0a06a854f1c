//! Calls mean on the mount what they mean below it.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::fs::{
    CWD, FallocateFlags, FileType, Mode, RenameFlags, XattrFlags, copy_file_range, fallocate, getxattr, getxattr_query,
    listxattr, mknodat, removexattr, renameat_with, seek, setxattr, statvfs,
};

use super::mounted::{Mounted, Way, both};

/// What the mount says of a file is what the source says.
fn same(mount: &Mounted, name: &str) {
    let (seen, real) =
        (fs::symlink_metadata(mount.at(name)).unwrap(), fs::symlink_metadata(mount.below(name)).unwrap());
    let all = |m: &fs::Metadata| {
        (m.ino(), m.mode(), m.nlink(), m.uid(), m.gid(), m.rdev(), m.size(), m.mtime(), m.mtime_nsec())
    };
    assert_eq!(all(&seen), all(&real), "{name}");
}

fn kind(error: std::io::Result<impl Sized>) -> ErrorKind {
    error.err().expect("an error").kind()
}

fn each(test: fn(&Mounted)) {
    both(|way| {
        if let Some(mount) = Mounted::new(way, &[]) {
            test(&mount);
        }
    });
}

#[test]
fn names() {
    each(|mount| {
        fs::write(mount.at("a"), "one").unwrap();
        fs::hard_link(mount.at("a"), mount.at("b")).unwrap();
        assert_eq!(fs::metadata(mount.at("b")).unwrap().nlink(), 2);
        symlink("a", mount.at("l")).unwrap();
        assert_eq!(fs::read_link(mount.at("l")).unwrap(), Path::new("a"));
        assert_eq!(fs::read(mount.at("l")).unwrap(), b"one");
        fs::create_dir(mount.at("d")).unwrap();
        fs::rename(mount.at("a"), mount.at("d/a")).unwrap();
        assert_eq!(kind(File::open(mount.at("l"))), ErrorKind::NotFound);
        let rename = |from, to, flags| renameat_with(CWD, mount.at(from), CWD, mount.at(to), flags);
        assert_eq!(rename("b", "l", RenameFlags::NOREPLACE).unwrap_err().kind(), ErrorKind::AlreadyExists);
        rename("b", "d", RenameFlags::EXCHANGE).unwrap();
        assert_eq!(fs::read(mount.at("b/a")).unwrap(), b"one");
        assert_eq!(fs::read(mount.at("d")).unwrap(), b"one");
        assert_eq!(kind(fs::remove_dir(mount.at("b"))), ErrorKind::DirectoryNotEmpty);
        fs::remove_file(mount.at("b/a")).unwrap();
        fs::remove_dir(mount.at("b")).unwrap();
        assert_eq!(kind(OpenOptions::new().write(true).create_new(true).open(mount.at("d"))), ErrorKind::AlreadyExists);
        let long = "n".repeat(255);
        fs::write(mount.at(&long), "long").unwrap();
        assert_eq!(fs::read(mount.below(&long)).unwrap(), b"long");
        assert_eq!(kind(fs::write(mount.at(&"n".repeat(256)), "")), ErrorKind::InvalidFilename);
        for (name, kind, device) in
            [("fifo", FileType::Fifo, 0), ("dev", FileType::CharacterDevice, rustix::fs::makedev(259, 70_000))]
        {
            mknodat(CWD, mount.at(name), kind, Mode::from_raw_mode(0o640), device).unwrap();
            same(mount, name);
        }
        for name in ["d", "l", &long] {
            same(mount, name);
        }
    });
}

#[test]
fn attributes() {
    each(|mount| {
        fs::write(mount.at("f"), "0123456789").unwrap();
        fs::set_permissions(mount.at("f"), Permissions::from_mode(0o4711)).unwrap();
        same(mount, "f");
        chown(mount.at("f"), Some(123), None).unwrap();
        assert_eq!(fs::metadata(mount.below("f")).unwrap().uid(), 123);
        same(mount, "f");
        let file = OpenOptions::new().write(true).open(mount.at("f")).unwrap();
        file.set_len(4).unwrap();
        assert_eq!(fs::read(mount.below("f")).unwrap(), b"0123");
        let time = SystemTime::UNIX_EPOCH + Duration::new(981_173_106, 123_456_789);
        file.set_modified(time).unwrap();
        assert_eq!(fs::metadata(mount.below("f")).unwrap().modified().unwrap(), time);
        same(mount, "f");
        let (seen, real) = (statvfs(mount.point()).unwrap(), statvfs(mount.source()).unwrap());
        assert_eq!((seen.f_blocks, seen.f_bsize, seen.f_namemax), (real.f_blocks, real.f_bsize, real.f_namemax));
    });
}

#[test]
fn extended_attributes() {
    each(|mount| {
        fs::write(mount.at("f"), "").unwrap();
        let path = mount.at("f");
        if let Err(error) = setxattr(mount.below("f"), "user.probe", b"", XattrFlags::empty()) {
            return eprintln!("skipped: no extended attributes below: {error}");
        }
        let get = |name: &str| {
            let mut value = vec![0; 4000];
            getxattr(&path, name, &mut value[..]).map(|len| value[..len].to_vec())
        };
        for value in [&b""[..], b"value", &[7; 3000]] {
            setxattr(&path, "user.one", value, XattrFlags::empty()).unwrap();
            assert_eq!(get("user.one").unwrap(), value);
        }
        assert_eq!(setxattr(&path, "user.one", b"", XattrFlags::CREATE).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(getxattr(&path, "user.one", &mut [0_u8; 10][..]).unwrap_err(), rustix::io::Errno::RANGE);
        assert_eq!(getxattr_query(&path, "user.one").unwrap(), 3000);
        let mut names = [0_u8; 100];
        let len = listxattr(&path, &mut names[..]).unwrap();
        assert_eq!(names[..len], *b"user.probe\0user.one\0");
        removexattr(&path, "user.one").unwrap();
        assert_eq!(get("user.one").unwrap_err(), rustix::io::Errno::NODATA);
    });
}

#[test]
fn data() {
    each(|mount| {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(mount.at("f")).unwrap();
        file.write_all_at(b"end", 3 << 20).unwrap();
        let found =
            (seek(&file, rustix::fs::SeekFrom::Data(0)).unwrap(), seek(&file, rustix::fs::SeekFrom::Hole(0)).unwrap());
        let below = File::open(mount.below("f")).unwrap();
        let real = (
            seek(&below, rustix::fs::SeekFrom::Data(0)).unwrap(),
            seek(&below, rustix::fs::SeekFrom::Hole(0)).unwrap(),
        );
        assert_eq!(found, real);
        fallocate(&file, FallocateFlags::empty(), 0, 5 << 20).unwrap();
        file.sync_all().unwrap();
        same(mount, "f");
        let mut to = OpenOptions::new().append(true).create(true).open(mount.at("copy")).unwrap();
        to.write_all(b"first ").unwrap();
        fs::write(mount.below("copy"), b"from outside ").unwrap();
        let other = OpenOptions::new().write(true).open(mount.at("copy")).unwrap();
        let copied = copy_file_range(&file, Some(&mut (3 << 20)), &other, Some(&mut 13), 3).unwrap();
        other.sync_data().unwrap();
        assert_eq!((copied, fs::read(mount.below("copy")).unwrap()), (3, b"from outside end".to_vec()));
        // It is there as long as it is open.
        fs::remove_file(mount.at("f")).unwrap();
        file.seek(SeekFrom::Start(3 << 20)).unwrap();
        let mut text = [0; 3];
        file.read_exact(&mut text).unwrap();
        assert_eq!((&text, file.metadata().unwrap().nlink()), (b"end", 0));
    });
}

#[test]
fn a_large_folder_is_read_in_parts_and_again() {
    each(|mount| {
        let names: Vec<_> = (0..3000).map(|index| format!("a name that is not so short {index:05}")).collect();
        names.iter().for_each(|name| fs::write(mount.below(name), "").unwrap());
        let list = || {
            let mut found: Vec<_> =
                fs::read_dir(mount.point()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            found
        };
        assert_eq!(list(), names);
        fs::remove_file(mount.at(&names[0])).unwrap();
        assert_eq!(list(), names[1..]);
        File::open(mount.point()).unwrap().sync_all().unwrap();
    });
}

#[test]
fn files_belong_to_who_makes_them_and_permissions_hold() {
    let Some(mount) = Mounted::new(Way::Rings, &[]).or_else(|| Mounted::new(Way::Device, &[])) else { return };
    if !super::support::has("setpriv") {
        return;
    }
    for path in [mount.source(), mount.source().parent().unwrap()] {
        if path != std::env::temp_dir() {
            fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        }
    }
    fs::write(mount.below("secret"), "secret").unwrap();
    fs::set_permissions(mount.below("secret"), Permissions::from_mode(0o600)).unwrap();
    let script = "umask 027; cd $0 && touch f && mkdir d && ln -s f l && mkfifo p && ! cat secret 2>/dev/null";
    let point = mount.point().to_str().unwrap();
    super::mounted::succeeds("setpriv", &["--reuid=4321", "--regid=4322", "--clear-groups", "sh", "-c", script, point]);
    for (name, mode) in [("f", 0o100640), ("d", 0o040750), ("l", 0o120777), ("p", 0o010640)] {
        let metadata = fs::symlink_metadata(mount.below(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode()), (4321, 4322, mode), "{name}");
    }
}
