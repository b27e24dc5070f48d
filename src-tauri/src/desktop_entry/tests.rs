use super::{Folders, ICON_PLACE, LINKS, icon_in, quoted, set_autostart, start_of, write};
use crate::environment::APP_ID;
use std::{fs, path::Path};

fn folders(below: &Path) -> Folders {
    Folders {
        data: below.join("data"),
        config: below.join("config"),
        system_data: vec![below.join("system")],
    }
}

#[test]
fn words_are_quoted_as_the_specification_wants() {
    let check = |word: &str, expected: &str| assert_eq!(quoted(word), expected, "{word}");
    check("/opt/claw tray/clawtray", "\"/opt/claw tray/clawtray\"");
    check("/a$b`c\"d", "\"/a\\\\$b\\\\`c\\\\\"d\"");
    check("/100%", "\"/100%%\"");
    check("/back\\slash", "\"/back\\\\\\\\slash\"");
}

#[test]
fn the_entry_is_written_once_and_again_when_the_program_moved() {
    let folder = tempfile::tempdir().unwrap();
    let folders = folders(folder.path());
    assert!(write(&folders, Path::new("/opt/one/clawtray")).unwrap());
    assert!(
        !write(&folders, Path::new("/opt/one/clawtray")).unwrap(),
        "nothing is new"
    );
    let file = folder.path().join(format!("data/applications/{APP_ID}.desktop"));
    let entry = fs::read_to_string(&file).unwrap();
    assert!(entry.contains("Exec=\"/opt/one/clawtray\" %u\n"), "{entry}");
    assert!(entry.contains("\nTryExec=/opt/one/clawtray\n"), "{entry}");
    assert!(
        entry.contains("Exec=\"/opt/one/clawtray\" clawtray://settings\n"),
        "{entry}"
    );
    assert!(!entry.contains("Exec=clawtray"), "{entry}");
    assert!(entry.contains(&format!("MimeType={LINKS};\n")), "{entry}");
    assert!(
        folder
            .path()
            .join(format!("data/icons/hicolor/scalable/apps/{APP_ID}.svg"))
            .is_file()
    );
    assert!(write(&folders, Path::new("/opt/two/clawtray")).unwrap());
    assert!(fs::read_to_string(&file).unwrap().contains("/opt/two/"));
}

#[test]
fn a_package_s_entry_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let folders = folders(folder.path());
    let packaged = folder.path().join("system/applications");
    fs::create_dir_all(&packaged).unwrap();
    fs::write(packaged.join(format!("{APP_ID}.desktop")), "").unwrap();
    assert!(!write(&folders, Path::new("/usr/bin/clawtray")).unwrap());
    assert!(!folder.path().join("data").exists());
}

#[test]
fn autostart_goes_on_and_off() {
    let folder = tempfile::tempdir().unwrap();
    let folders = folders(folder.path());
    let file = folder.path().join(format!("config/autostart/{APP_ID}.desktop"));
    set_autostart(&folders, Path::new("/usr/bin/clawtray"), Some("--hidden")).unwrap();
    let entry = fs::read_to_string(&file).unwrap();
    assert!(entry.contains("Exec=\"/usr/bin/clawtray\" --hidden\n"), "{entry}");
    assert!(entry.contains("\nTryExec=/usr/bin/clawtray\n"), "{entry}");
    assert!(!entry.contains("MimeType"), "{entry}");
    set_autostart(&folders, Path::new("/usr/bin/clawtray"), None).unwrap();
    assert!(!file.exists());
    set_autostart(&folders, Path::new("/usr/bin/clawtray"), None).unwrap();
}

#[test]
fn the_icon_is_a_file_only_where_no_package_brings_it() {
    let folder = tempfile::tempdir().unwrap();
    let folders = folders(folder.path());
    assert_eq!(icon_in(&folders), APP_ID, "the file is not written yet");
    write(&folders, Path::new("/opt/one/clawtray")).unwrap();
    let own = folder.path().join("data").join(ICON_PLACE);
    assert_eq!(Path::new(&icon_in(&folders)), own);
    let brought = folder.path().join("system").join(ICON_PLACE);
    fs::create_dir_all(brought.parent().unwrap()).unwrap();
    fs::write(brought, "").unwrap();
    assert_eq!(icon_in(&folders), APP_ID);
}

#[test]
fn another_programs_appimage_is_not_ours() {
    let start = |own: &str, image: Option<&str>, mounted: Option<&str>| {
        start_of(own.into(), image.map(Into::into), mounted.map(Into::into))
    };
    let (image, mounted) = (Some("/home/ann/Editor.AppImage"), Some("/tmp/.mount_Edit"));
    assert_eq!(
        start("/usr/bin/clawtray", image, mounted),
        Path::new("/usr/bin/clawtray")
    );
    assert_eq!(
        start("/tmp/.mount_Editor/x", image, mounted),
        Path::new("/tmp/.mount_Editor/x")
    );
    assert_eq!(
        start("/usr/bin/clawtray", image, None),
        Path::new("/usr/bin/clawtray")
    );
    let own = "/tmp/.mount_Edit/usr/bin/clawtray";
    assert_eq!(start(own, image, mounted), Path::new("/home/ann/Editor.AppImage"));
}
