use super::{Language, Told, Words};
use crate::connection::keychain_sentence;
use crate::profiles::BadUrl;
use crate::request_error::RequestError;

pub(super) static WORDS: Words = Words {
    no_gateway: "还没有设置网关。",
    connected: |gateway, ms| match ms {
        Some(ms) => format!("{gateway}：已连接，{ms} ms"),
        None => format!("{gateway}：已连接"),
    },
    runs: |count| format!("{count} 个运行中"),
    things_need_you: |count| format!("{count} 个请求需要你处理"),
    unread: |count| format!("{count} 个未读"),
    try_now: "立即重试",
    approve: |what| format!("批准：{what}"),
    approve_once: "批准一次",
    deny: "拒绝",
    answer: |what| format!("回答：{what}"),
    quick_chat: "快速聊天",
    sessions: "打开会话",
    gateways: "网关",
    do_not_disturb: "勿扰",
    end_do_not_disturb: "关闭勿扰",
    for_one_hour: "1 小时",
    until_tomorrow: "到明天",
    settings: "设置",
    quit: "退出",

    open: "打开",
    reply: "回复",
    new_reply: "新回复",
    something_new: "新动态",
    run_failed: "运行失败",
    run_failed_because: |why| format!("运行失败：{why}"),
    asks_for_approval: |session| format!("{session} 请求批准"),
    approval_waits: "需要批准",
    asks: |session| format!("{session} 有一个问题"),
    question_waits: "需要回答",
    gateway_down: |gateway| format!("无法连接 {gateway}"),
    waits_until_back: "你的消息会保留并稍后发送。",
    gateway_back: |gateway| format!("{gateway} 已恢复"),
    connected_again: "Clawtray 已重新连接。",
    pairing: |gateway| format!("{gateway}：配对请求"),
    replies_while_away: |count| format!("你离开时有 {count} 条回复"),
    some_device: "某设备",
    asks_to_be_paired: |device, gateway| format!("{device} 请求与 {gateway} 配对。"),

    review: "查看…",
    fact_runs: "实际运行",
    fact_program: "程序",
    fact_folder: "文件夹",
    fact_host: "主机",
    fact_node: "节点",
    not_approved: |what| match what {
        "" => "未批准".to_owned(),
        _ => format!("未批准：{what}"),
    },
    not_denied: |what| match what {
        "" => "未拒绝".to_owned(),
        _ => format!("未拒绝：{what}"),
    },
    reply_not_sent: "回复未发送",
    gateway_refused: "网关拒绝了。",
    reply_is_draft: "你的文字已保存为草稿。",
    reply_waits: "你的文字在会话中等待。打开会话再试一次。",
    open_to_decide: "打开 Clawtray 来决定。",

    connecting: |gateway| format!("正在连接 {gateway}。"),
    starting: |gateway| format!("{gateway} 正在启动。你的消息会保留并稍后发送。"),
    not_reachable: |gateway| format!("无法连接 {gateway}。你的消息会保留并稍后发送。"),
    switched_off: |gateway| format!("与 {gateway} 的连接已关闭。"),
    wants_token: |gateway| format!("{gateway} 需要令牌。"),
    wants_password: |gateway| format!("{gateway} 需要密码。"),
    token_elsewhere: |place| format!("网关的令牌来自 {place}。用此命令查看："),
    token_placeholder: "配置中令牌的位置是占位符。用此命令查看令牌：",
    old_folder: "这是旧版本的文件夹。用此命令迁移：",
    password_invalid: |gateway| format!("{gateway} 的密码无效。"),
    token_invalid: |gateway| format!("{gateway} 的令牌已失效。"),
    rights_missing: |gateway| format!("{gateway} 没有授予此设备 Clawtray 需要的权限。"),
    pairing_wider: |gateway| format!("需要在 {gateway} 上批准此设备的更多权限。"),
    pairing_again: |gateway| format!("需要在 {gateway} 上再次批准此设备。"),
    pairing_once: |gateway| format!("需要在 {gateway} 上批准此设备一次。"),
    lets_wait: |gateway| format!("请求或失败的尝试过多。{gateway} 要求此设备等待。"),
    speaks_protocol: |gateway, version| format!("{gateway} 使用协议 {version}，此版本的 Clawtray 不支持。"),
    no_common_protocol: |gateway| format!("{gateway} 与此版本的 Clawtray 没有共同支持的协议。"),
    device_removed: |gateway| format!("{gateway} 移除了此设备，或更改了身份验证。"),
    certificate_changed: |gateway| {
        format!(
            "{gateway} 的证书不受信任。可能是其他服务器在应答。Clawtray 会重试。如果您更新了证书，请在此处移除 {gateway} 并重新添加。"
        )
    },
    client_failed: |gateway| {
        format!("由于 Clawtray 的错误，与 {gateway} 的连接失败了两次。Clawtray 会重新启动连接。")
    },
    refused: |gateway, why| format!("{gateway} 拒绝了连接：{why}"),
    keychain_locked: |gateway| format!("钥匙串已锁定。登录 {gateway} 需要钥匙串。"),
    keychain_absent: |gateway| format!("此桌面没有钥匙串服务。保存 {gateway} 的令牌需要钥匙串。"),
    keychain_silent: |gateway| format!("钥匙串没有响应。登录 {gateway} 需要钥匙串。"),
    keychain_refused: |gateway| format!("钥匙串拒绝了访问。登录 {gateway} 需要钥匙串。"),
    keychain_hint: "请解锁钥匙串，或只将令牌保留到退出 Clawtray。",

    no_tray: (
        "此桌面不显示托盘图标。",
        "要打开此窗口，请再次启动 Clawtray 或按快捷键。",
    ),
    no_notifications: ("此桌面不显示通知。", "托盘和会话列表会显示有什么新内容。"),
    no_keychain: (
        "此桌面没有钥匙串服务。",
        "令牌只保留到退出 Clawtray，不会写入文件。",
    ),
    keychain_emptied: |gateway| format!("钥匙串中已没有 {gateway} 的令牌。"),
    keychain_emptied_hint: "令牌在退出 Clawtray 之前有效。要保存令牌，请在设置中重新输入。",
    disk_full: (
        "磁盘已满。Clawtray 无法保存会话供离线使用。",
        "请腾出磁盘空间。Clawtray 随后会加载缺少的内容。",
    ),
    copy_rebuilt: (
        "会话的本地副本已损坏。Clawtray 正在从网关重新加载。",
        "无需任何操作。",
    ),
    no_windows: "Clawtray 无法打开窗口",
    windows_broken: |why| format!("{why}。请重新安装 Clawtray。在此之前，请在终端中使用 clawctl。"),
    windows_updated: "Clawtray 在运行时已更新。请从托盘退出 Clawtray，然后重新启动。",
    autostart_off: |why| format!("无法将 Clawtray 设为登录时启动：{why}。"),
    autostart_on: |why| format!("Clawtray 仍会在登录时启动：{why}。"),
    autostart_hint: "请在桌面的设置中更改。",
    hotkey_taken: |keys| format!("{keys} 已被其他程序占用。"),
    hotkey_taken_hint: "请在设置中选择其他按键。",
    hotkey_refused: |why| format!("无法注册快捷键：{why}。"),
    hotkey_by_hand: "请在桌面的键盘设置中为命令“clawctl toggle”指定按键。",
    hotkey_unset: (
        "桌面已允许快捷键，但没有为它设置按键。",
        "请在系统设置的键盘快捷键中选择一个。",
    ),
    hotkey_not_granted: "桌面没有允许这个快捷键。",
    hotkey_no_portal: "此桌面没有全局快捷键门户。",

    this_computer: "此电脑",
    built_in: "内置",
    usual_port: "此电脑的默认端口",
    local_network: "本地网络",

    main_chat: "主聊天",
    main_chat_of: |agent| format!("{agent} 的主聊天"),
    channel_chat: |channel| format!("{channel} 聊天"),
    channel_group: |channel| format!("{channel} 群组"),
    automation: "自动任务",
    subtask: "子任务",
    webhook: "Webhook",
    chat: "聊天",

    settings_set_aside: (
        "无法读取设置文件。Clawtray 使用默认设置。",
        "旧文件保留在新文件旁边。",
    ),
    settings_unreadable: (
        "无法读取设置文件。",
        "请检查该文件是否属于你。在此之前，更改只在退出 Clawtray 前有效。",
    ),
    gateways_set_aside: (
        "无法读取网关列表。Clawtray 已新建列表。",
        "旧文件保留在新文件旁边。",
    ),
    no_data_folder: (
        "数据文件夹无法使用。消息和草稿只保留到退出 Clawtray。",
        "请腾出磁盘空间，或检查该文件夹是否属于你。",
    ),
    outbox_saved: |kept| {
        format!("发件箱文件已损坏。Clawtray 已恢复其中的全部内容（{kept} 条等待中的消息）。")
    },
    outbox_salvaged: |kept| {
        format!("发件箱文件已损坏。Clawtray 恢复了 {kept} 条等待中的消息，损坏的文件保留在新文件旁边。")
    },
    link_unknown: ("链接中的会话不在此网关上。", "它可能已被删除，或属于另一个网关。"),
    settings_newer: (
        "设置文件由更新版本的 Clawtray 写入，将保持原样。",
        "请更新 Clawtray；在此之前更改只保留到应用退出。",
    ),
    settings_read_only: (
        "设置文件是只读的。",
        "请在管理它的地方更改；这里的更改只保留到应用退出。",
    ),
    gateways_unreadable: (
        "网关列表现在无法读取；它保持原样，并会重试。",
        "请检查文件是否属于您，以及磁盘是否正常。",
    ),
    gateways_newer: (
        "网关列表由更新版本的 Clawtray 写入，将保持原样。",
        "请更新 Clawtray；在此之前更改只保留到应用退出。",
    ),
    gateways_not_written: (
        "无法写入网关列表。",
        "请释放一些磁盘空间，或检查文件是否只读；在此之前更改只保留到应用退出。",
    ),
    prompts_unsaved: |count| format!("有 {count} 条消息无法保存：现在退出会丢失。"),
    prompts_unsaved_hint: "请释放一些磁盘空间；会自动重试。",
    quit_again: "再次退出即可强制退出。",
    drafts_unsaved: (
        "您正在写的内容无法保存。",
        "请释放一些磁盘空间；在此之前草稿只保留到应用退出。",
    ),
    outbox_stuck: (
        "发件箱文件现在无法使用：消息会等待。",
        "请检查是否有其他程序占用，或磁盘是否已满。",
    ),

    answers: |gateway, version| match version {
        "" => format!("{gateway} 有响应。"),
        _ => format!("{gateway} 有响应，版本 {version}。"),
    },
    does_not_answer: |gateway| format!("{gateway} 没有响应。"),
    not_reachable_because: |gateway, why| format!("无法连接 {gateway}：{why}。"),

    request_error,
};

fn request_error(error: &RequestError) -> Told {
    use RequestError as E;
    match error {
        E::Malformed(what) => (format!("{what}."), ""),
        E::NoGateway => ("还没有设置网关。".into(), "请添加一个网关。"),
        E::NoSuchGateway => ("此网关不存在。".into(), "请选择其他网关。"),
        E::FoundGone => ("此网关已不可用。".into(), "请重新查找。"),
        E::Address(BadUrl::NotAUrl) => ("地址无效。".into(), "请输入地址，例如 ws://127.0.0.1:18789。"),
        E::Address(BadUrl::Scheme) => (
            "地址必须以 ws、wss、http、https 或 ssh 开头。".into(),
            "请输入地址，例如 ws://127.0.0.1:18789。",
        ),
        E::TokenPlaceholder => (
            "这是占位符，不是令牌。".into(),
            "在网关所在的电脑上运行 openclaw gateway auth-token --show 可查看令牌。",
        ),
        E::MessageNotGiven => (
            "网关不提供这条消息的全文。".into(),
            "全文在网关所在电脑的会话记录中。",
        ),
        E::NameMissing => ("网关需要一个名称。".into(), "请输入名称。"),
        E::WebhookSecretMissing => ("Webhook 需要用于签名的共享密钥。".into(), "请输入密钥。"),
        E::NoFingerprint => ("指纹应为 64 位十六进制数字。".into(), "请复制完整的指纹。"),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::Chinese),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "无法从钥匙串中删除网关的密钥。".into(),
            "请从钥匙串中手动删除 Clawtray 的条目。",
        ),
        E::CopyNotCleared => ("无法清除本地副本。".into(), "请重试。日志中有原因。"),
        E::NotConnected => ("网关未连接。".into(), "请在网关恢复后重试。"),
        E::Disconnected => ("连接已断开。".into(), "请在网关恢复后重试。"),
        E::Timeout => ("网关未及时响应。".into(), "请重试。"),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "请在设置中允许完全控制，或询问网关的所有者。"
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("消息超过了网关接受的 {megabytes} MB。"),
            "请一次少发一些。",
        ),
        E::Unsupported(what) => (format!("此网关不支持此操作：{what}。"), ""),
        E::BadAnswer => ("无法读取网关的响应。".into(), "请更新网关。"),
        E::NothingToSend => ("没有可发送的内容。".into(), "请写一条消息。"),
        E::NoFiles => ("此网关不接受文件。".into(), "请只发送文字。"),
        E::ImageTooLarge(megabytes) => (format!("图片超过 {megabytes} MB。"), "请选择其他文件。"),
        E::FileTooLarge(megabytes) => (format!("文件超过 {megabytes} MB。"), "请选择其他文件。"),
        E::FilesTooLarge(megabytes) => (format!("这些文件合计超过 {megabytes} MB。"), "请一次少发几个。"),
        E::NoSuchPrompt => ("此消息不存在。".into(), ""),
        E::PromptOnItsWay => ("消息正在发送。".into(), "请停止运行。"),
        E::AnswerLost => (
            "消息可能已经发送，但响应丢失了。".into(),
            "重新发送前，请先查看会话。",
        ),
        E::ApprovalGone => ("此批准请求已不在等待。".into(), ""),
        E::NotOffered => ("此批准请求没有这个选项。".into(), "请批准一次。"),
        E::QuestionGone => ("此问题已不在等待。".into(), ""),
        E::NotCompacted(why) => (format!("会话没有压缩：{why}"), "请稍后再试。"),
        E::NoCopyNamed => ("网关没有返回新会话。".into(), "请更新网关。"),
        E::NoReport => ("没有可保存的报告。".into(), "请先显示报告。"),
        E::ReportNotWritten(why) => (format!("无法写入报告：{why}。"), "请改为复制报告。"),
        E::NoWebLink => ("只能打开网页和邮件地址。".into(), "请复制链接。"),
        E::LinkNotOpened => ("无法打开链接。".into(), "请复制链接。"),
        E::NoCapture => ("此桌面不提供此内容。".into(), "请粘贴内容，或附加文件。"),
        E::CaptureTooLarge => ("内容超过了任何网关接受的大小。".into(), "请少附加一些。"),
        E::ClipboardSilent => ("复制内容的程序没有响应。".into(), "请重新复制内容。"),
        E::NoScreenshot => ("此桌面没有提供截图。".into(), "请用桌面自带的按键截图并粘贴。"),
        E::SettingValue(name) => (format!("设置项 {name} 不接受此值。"), ""),
        E::SettingsNotWritten => (
            "无法写入设置文件。".into(),
            "请腾出磁盘空间，或检查该文件是否属于你。在此之前，更改只在退出 Clawtray 前有效。",
        ),
        E::Stopping => ("Clawtray 正在退出。".into(), "请重新启动 Clawtray。"),
        E::NotAllowed => ("此窗口不能执行该操作。".into(), ""),
        E::Internal => ("Clawtray 出了问题。".into(), "请重试。日志中有详情。"),
    }
}
