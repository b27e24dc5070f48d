use super::*;

const PAGE: &str = "# Heading one\n\nA paragraph with **bold text**, *emphasis*, `code` and a [link](https://example.com/page).\n\n\
- first\n- second item here\n  - nested\n\n1. one\n2. two\n\n> A quotation.\n\n```rust\nfn main() {\n    println!(\"<b>not markup</b>\");\n}\n```\n\n\
| left | right |\n|---|---|\n| a | b |\n\n<script>alert(1)</script>\n\nThe end, 2 * 3 = 6.";

/// Escape codes as tags, so that the expectation can be read.
fn readable(text: &str) -> String {
    text.replace("\x1b[0m", "</>").replace("\x1b[", "<")
}

#[test]
fn draws_one_of_each() {
    let expected = "<1;4mHeading </><1;4mone</>\n\n\
A paragraph with <1mbold </><1mtext</>, <3memphasis</>, <36mcode</> and a <4mlink</> (https://example.com/page).\n\n\
• first\n• second item here\n  • nested\n\n1. one\n2. two\n\n│ <2mA </><2mquotation.</>\n\n\
<2mrust</>\n<36m    fn main() {</>\n<36m        println!(\"<b>not markup</b>\");</>\n<36m    }</>\n\n\
<1mleft │ right</>\n─────┼──────\na    │ b    \n\n<script>alert(1)</script>\n\nThe end, 2 * 3 = 6.";
    let drawn = readable(&render(PAGE));
    assert_eq!(drawn, expected, "\n{drawn}");
}

#[test]
fn any_cutting_prints_the_same_page() {
    for source in [
        PAGE,
        "one two three",
        "a **b c** d\ne *f* g",
        "| a |\n|---|\n| wide cell |\n\nafter",
        "- a\n\n- b\n\ntext",
        "- first\n- second\n  - nested one\n* third *one* more\n\n1. one\n2. two",
        "5 < 6 and a_b_c and `open",
    ] {
        let whole = render(source);
        for size in [1, 2, 3, 4, 5, 6, 7, 11, 17, 23, 50] {
            let mut stream = Stream::default();
            let mut shown = String::new();
            let mut end = 0;
            while end < source.len() {
                end = (end + size).min(source.len());
                if source.is_char_boundary(end) {
                    shown.push_str(&stream.more(&source[..end], false));
                }
            }
            shown.push_str(&stream.more(source, true));
            assert_eq!(readable(&shown), readable(&whole), "cut by {size}: {source}");
        }
    }
}

#[test]
fn words_come_before_their_paragraph_is_over() {
    let mut stream = Stream::default();
    assert_eq!(stream.more("Hello wor", false), "Hello");
    assert_eq!(stream.more("Hello world, this **is", false), " world, this");
    assert_eq!(
        stream.more("Hello world, this **is it** now", true),
        " \x1b[1mis \x1b[0m\x1b[1mit\x1b[0m now"
    );
}

#[test]
fn a_reply_cannot_steer_the_terminal() {
    assert_eq!(Stream::default().more("a\x1b]0;title\x07b", true), "a]0;titleb");
}
