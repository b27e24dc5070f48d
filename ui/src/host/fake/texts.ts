export const ARM64 = `The linker is picked by **name**, and the arm64 runner has no \`lld\` on its path. Two ways to fix it:

- Install \`lld\` in the runner image, or
- name the linker per target, which keeps the image as it is:

\`\`\`toml .cargo/config.toml
[target.aarch64-unknown-linux-gnu]
linker = "clang"
rustflags = ["-C", "link-arg=-fuse-ld=mold"]
\`\`\`

I checked the second one in a clean container; the build passes in`;

export const CODE = `Here is the smallest change that works:

\`\`\`rust src/backoff.rs
/// Waits between attempts: full jitter, never longer than \`cap\`.
pub fn next(attempt: u32, cap: Duration, rng: &mut impl Rng) -> Duration {
    let base = Duration::from_secs(1) * 2_u32.pow(attempt.min(5));
    rng.random_range(Duration::ZERO..=base.min(cap))
}
\`\`\`

| Attempt | Longest wait |
|---|---:|
| 1 | 2 s |
| 4 | 16 s |
| 6 | 30 s |

- [x] Reset only after the handshake
- [ ] Obey what the gateway asks for, see [the guide](https://docs.example.org/backoff)

> A loop without jitter locks everybody out at the same moment.`;

/** What the fake agent answers to anything: enough of everything to look at. */
export const ANSWER = `You asked well. In short:

1. The **first** thing is to look at the log.
2. Then \`cargo check\` tells the rest.

\`\`\`sh
cargo check --workspace
\`\`\`

That is all there is to it, and it takes a second or two.`;
