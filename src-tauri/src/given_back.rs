//! Returns memory pages that are no longer needed once the libraries are linked.
//!
//! The loader reads the symbols of a hundred libraries. Every file page that it read counts as
//! memory of this process: 35 MB. Nothing of it is needed before a window opens, and most of it not
//! even then.

use rustix::mm::{Advice, madvise};
use std::{fs, io, ops::Range, path::Path};

/// Releases the pages of the program and its libraries that were never written to. They stay in the
/// system's page cache, so a later read gets them from there. Returns the number of released bytes.
///
/// # Errors
/// The system does not say what is mapped, or does not let go of it.
pub(crate) fn give_back() -> io::Result<usize> {
    let program = std::env::current_exe()?;
    let mut given = 0;
    for Clean { at, resident } in clean(&fs::read_to_string("/proc/self/smaps")?, &program) {
        // SAFETY: the mapping is private, of the program or a library, and cannot be written to, and no page of it is other
        // than the file's, neither in memory (`Anonymous`) nor swapped out (`Swap`): whoever reads it again, on any thread, gets the same bytes from the file. It is still that mapping:
        // what a program was started with stays mapped, and nothing else has been loaded yet.
        #[allow(unsafe_code)]
        unsafe {
            madvise(
                std::ptr::with_exposed_provenance_mut(at.start),
                at.len(),
                Advice::LinuxDontNeed,
            )?;
        }
        given += resident;
    }
    Ok(given)
}

/// A mapping with nothing in it but what is in its file.
#[derive(Debug, PartialEq, Eq)]
struct Clean {
    at: Range<usize>,
    /// Bytes of it in memory.
    resident: usize,
}

/// The clean ones among a program's mappings of itself and its libraries (`proc_pid_smaps(5)`).
fn clean(smaps: &str, program: &Path) -> Vec<Clean> {
    let mut found = Vec::new();
    let mut mapping = None;
    let (mut resident, mut unwritten) = (0, false);
    for line in smaps.lines() {
        if let Some(at) = read_only_code(line, program) {
            (mapping, resident, unwritten) = (at, 0, false);
        } else if let Some(kib) = field(line, "Rss:") {
            resident = kib * 1024;
        } else if let Some(kib) = field(line, "Anonymous:") {
            unwritten = kib == 0;
        } else if let Some(kib) = field(line, "Swap:")
            && let Some(at) = mapping.take()
            && kib == 0
            && unwritten
            && resident > 0
        {
            // A page that was written to and then swapped out is no longer among the anonymous ones.
            found.push(Clean { at, resident });
        }
    }
    found
}

/// The first line of a mapping: where it is if it is private, of the program or a library, and cannot be written to.
fn read_only_code(line: &str, program: &Path) -> Option<Option<Range<usize>>> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let at = usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?;
    let rights = words.next()?;
    let is_code = words.nth(3).is_some_and(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        Path::new(path) == program || (path.starts_with('/') && name.contains(".so"))
    });
    Some(
        matches!(rights, "r--p" | "r-xp")
            .then_some(at)
            .filter(|_| is_code),
    )
}

/// A number of KiB by its name.
fn field(line: &str, name: &str) -> Option<usize> {
    let number = line.strip_prefix(name)?.trim().strip_suffix(" kB")?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_a_file_is_clean() {
        let swapping = |head: &str, resident: usize, anonymous: usize, swapped: usize| {
            format!(
                "{head}\nSize: 900 kB\nRss:     {resident} kB\nPrivate_Dirty: 0 kB\nAnonymous:   {anonymous} kB\nSwap:   {swapped} kB\n\
                 SwapPss: {swapped} kB\nVmFlags: rd mr mw me sd\n"
            )
        };
        let mapping = |head: &str, resident, anonymous| swapping(head, resident, anonymous, 0);
        let smaps = [
            mapping(
                "1000-3000 r--p 00000000 fe:01 12                  /usr/lib/liba.so (deleted)",
                8,
                0,
            ),
            mapping(
                "3000-4000 r-xp 00002000 fe:01 12                  /usr/lib/liba.so",
                4,
                0,
            ),
            // Not in memory; relocated; written to; shared; of another file; of none.
            mapping(
                "4000-5000 r--p 00003000 fe:01 12                  /usr/lib/liba.so",
                0,
                0,
            ),
            mapping(
                "5000-6000 r--p 00004000 fe:01 12                  /usr/lib/liba.so",
                4,
                4,
            ),
            mapping(
                "6000-7000 rw-p 00005000 fe:01 12                  /usr/lib/liba.so",
                4,
                0,
            ),
            mapping(
                "7000-8000 r--s 00000000 fe:01 13                  /usr/share/cache",
                4,
                0,
            ),
            // Relocated, and then swapped out.
            swapping(
                "7800-7900 r--p 00001000 fe:01 12                  /usr/lib/liba.so",
                4,
                0,
                4,
            ),
            mapping("8000-9000 r--p 00000000 00:00 0", 4, 0),
            mapping("9000-a000 r-xp 00000000 00:00 0                   [vdso]", 4, 0),
            mapping(
                "a000-b000 r--p 00000000 fe:01 14                  /usr/lib/libb.so",
                4,
                0,
            ),
        ];
        let found: Vec<_> = clean(&smaps.concat(), Path::new("/opt/program"))
            .into_iter()
            .map(|clean| (clean.at, clean.resident))
            .collect();
        let expected = [
            (0x1000..0x3000, 8192),
            (0x3000..0x4000, 4096),
            (0xa000..0xb000, 4096),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_program_goes_on_without_what_it_gave_back() {
        let given = give_back().unwrap();
        assert!(given > 1024 * 1024, "{given} bytes");
        // It is here again, in this very code.
        assert_eq!(clean("", Path::new("")).len(), 0);
        assert!(give_back().unwrap() > 0);
    }
}
