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
    things_need_you: |count| format!("{count} 件事需要你处理"),
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
    end_do_not_disturb: "结束勿扰",
    for_one_hour: "1 小时",
    until_tomorrow: "到明天",
    settings: "设置",
    quit: "退出",

    open: "打开",
    reply: "回复",
    new_reply: "新回复",
    something_new: "有新内容",
    run_failed: "运行失败",
    run_failed_because: |why| format!("运行失败：{why}"),
    asks_for_approval: |session| format!("{session} 请求批准"),
    approval_waits: "有一个批准请求在等待",
    asks: |session| format!("{session} 提问"),
    question_waits: "有一个问题在等待",
    gateway_down: |gateway| format!("无法连接 {gateway}"),
    waits_until_back: "你写的内容会等到它恢复。",
    gateway_back: |gateway| format!("{gateway} 已恢复"),
    connected_again: "已重新连接。",
    pairing: |gateway| format!("{gateway}：配对"),
    replies_while_away: |count| format!("你离开时有 {count} 条回复"),
    some_device: "有设备",
    asks_to_be_paired: |device, gateway| format!("{device} 请求与 {gateway} 配对。"),

    connecting: |gateway| format!("正在连接 {gateway}。"),
    starting: |gateway| format!("{gateway} 正在启动。你写的内容会在这里等待。"),
    not_reachable: |gateway| format!("无法连接 {gateway}。你写的内容会在这里等待。"),
    switched_off: |gateway| format!("{gateway} 在这里已关闭。"),
    wants_token: |gateway| format!("{gateway} 需要令牌。"),
    password_invalid: |gateway| format!("{gateway} 的密码无效。"),
    token_invalid: |gateway| format!("{gateway} 的令牌已失效。"),
    rights_missing: |gateway| format!("{gateway} 没有给此设备它请求的权限。"),
    pairing_wider: |gateway| format!("需要在 {gateway} 上批准此设备的更多权限。"),
    pairing_again: |gateway| format!("需要在 {gateway} 上再次批准此设备。"),
    pairing_once: |gateway| format!("需要在 {gateway} 上批准此设备一次。"),
    lets_wait: |gateway| format!("请求或失败的尝试过多，{gateway} 要求此设备等待。"),
    speaks_protocol: |gateway, version| format!("{gateway} 使用协议 {version}，此版本不支持。"),
    no_common_protocol: |gateway| format!("{gateway} 与此版本没有共同的协议。"),
    device_removed: |gateway| format!("{gateway} 移除了此设备，或更改了它的认证。"),
    refused: |gateway, why| format!("{gateway} 拒绝了连接：{why}"),
    keychain_locked: |gateway| format!("钥匙串已锁定。登录 {gateway} 需要它。"),
    keychain_absent: |gateway| format!("此桌面没有可以保存 {gateway} 密钥的钥匙串服务。"),
    keychain_silent: |gateway| format!("钥匙串没有响应。登录 {gateway} 需要它。"),
    keychain_refused: |gateway| format!("钥匙串拒绝了请求。登录 {gateway} 需要它。"),
    keychain_hint: "请解锁，或只在本次会话中保留令牌。",

    no_tray: (
        "此桌面不显示托盘图标。",
        "再次启动 Clawtray 会打开此窗口，快捷键也可以。",
    ),
    no_notifications: ("此桌面不显示通知。", "托盘和会话列表会显示有什么新内容。"),
    no_keychain: (
        "此桌面没有钥匙串服务。",
        "密钥只能在本次会话中保留，不会写入文件。",
    ),
    keychain_emptied: |gateway| format!("钥匙串里已没有 {gateway} 的登录信息。"),
    keychain_emptied_hint: "在退出 Clawtray 之前仍然有效。要保存它，请在设置里重新输入令牌。",
    disk_full: (
        "磁盘已满：对话没有保存供离线使用。",
        "请腾出磁盘空间；缺少的内容会重新获取。",
    ),
    copy_rebuilt: ("对话的本地副本已损坏，正在从网关重新获取。", "无需任何操作。"),
    no_windows: "Clawtray 无法打开窗口",
    windows_broken: |why| format!("{why}。请重新安装 Clawtray。在此之前，clawctl 可以完成窗口能做的一切。"),
    windows_updated: "它在运行时被更新了。请从托盘退出，然后重新启动。",
    autostart_off: |why| format!("无法将 Clawtray 设为随系统启动：{why}。"),
    autostart_on: |why| format!("Clawtray 仍会随系统启动：{why}。"),
    autostart_hint: "请在桌面的设置里更改。",
    hotkey_taken: |keys| format!("{keys} 已被其他程序占用。"),
    hotkey_taken_hint: "请在设置里选择其他按键。",
    hotkey_refused: |why| format!("桌面没有分配这些按键：{why}"),
    hotkey_by_hand: "请在桌面的设置里为 `clawctl toggle` 绑定按键。",

    this_computer: "此电脑",
    built_in: "内置",
    usual_port: "此电脑的常用端口",
    local_network: "本地网络",

    main_chat: "主聊天",
    main_chat_of: |agent| format!("{agent} 的主聊天"),
    channel_chat: |channel| format!("{channel} 聊天"),
    channel_group: |channel| format!("{channel} 群组"),
    automation: "自动任务",
    subtask: "子任务",
    webhook: "Webhook",
    chat: "聊天",

    settings_set_aside: ("无法读取设置文件；已将其移到一边。", "它就在新文件旁边。"),
    settings_unreadable: (
        "无法读取设置文件。",
        "请检查该文件是否属于你；在此之前，设置只在应用退出前有效。",
    ),
    gateways_set_aside: ("无法读取网关列表；已将其移到一边。", "它就在新文件旁边。"),
    no_data_folder: (
        "数据文件夹无法使用：消息和草稿只保留到应用退出。",
        "请腾出磁盘空间，或检查该文件夹是否属于你。",
    ),
    outbox_saved: |kept| format!("发件箱文件已损坏；其中的内容已全部保住（{kept} 条等待中的消息）。"),
    outbox_salvaged: |kept| format!("发件箱文件已损坏；保住了 {kept} 条等待中的消息，损坏的文件就在旁边。"),

    answers: |gateway, version| match version {
        "" => format!("{gateway} 有应答。"),
        _ => format!("{gateway} 有应答，版本 {version}。"),
    },
    does_not_answer: |gateway| format!("{gateway} 没有应答。"),
    not_reachable_because: |gateway, why| format!("无法连接 {gateway}：{why}。"),

    request_error,
};

fn request_error(error: &RequestError) -> Told {
    use RequestError as E;
    match error {
        E::Malformed(what) => (format!("{what}."), ""),
        E::NoGateway => ("尚未设置网关。".into(), "请添加一个网关。"),
        E::NoSuchGateway => ("没有这个网关。".into(), ""),
        E::FoundGone => ("这个网关已经不在了。".into(), "请重新查找。"),
        E::Address(BadUrl::NotAUrl) => ("这不是地址。".into(), ""),
        E::Address(BadUrl::Scheme) => ("网关地址以 ws、wss、http、https 或 ssh 开头。".into(), ""),
        E::NameMissing => ("网关需要一个名称。".into(), ""),
        E::WebhookSecretMissing => ("Webhook 需要用于签名的密钥。".into(), ""),
        E::NoFingerprint => ("指纹应为 64 位十六进制数字。".into(), ""),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::Chinese),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "无法从钥匙串中删除它的密钥。".into(),
            "请在那里手动删除 Clawtray 的条目。",
        ),
        E::CopyNotCleared => ("无法清空本地副本。".into(), "请重试；日志中有原因。"),
        E::NotConnected => ("网关未连接。".into(), "等它恢复后再试。"),
        E::Disconnected => ("连接已断开。".into(), "等它恢复后再试。"),
        E::Timeout => ("网关未及时应答。".into(), "请重试。"),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "请在设置中允许完全控制，或询问网关的主人。"
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("内容超过了网关接受的 {megabytes} MB。"),
            "请一次少发一些。",
        ),
        E::Unsupported(what) => (format!("这个网关做不到：{what}。"), ""),
        E::BadAnswer => ("无法读取网关的应答。".into(), "请更新网关。"),
        E::NothingToSend => ("没有可发送的内容。".into(), ""),
        E::NoFiles => ("这个网关不接受文件。".into(), "请只发送文字。"),
        E::ImageTooLarge(megabytes) => (format!("图片超过 {megabytes} MB。"), "请换一张。"),
        E::FileTooLarge(megabytes) => (format!("文件超过 {megabytes} MB。"), "请换一个。"),
        E::FilesTooLarge(megabytes) => (format!("这些文件合计超过 {megabytes} MB。"), "请一次少发几个。"),
        E::NoSuchPrompt => ("没有这条消息。".into(), ""),
        E::PromptOnItsWay => ("消息已经发出。".into(), "请停止运行。"),
        E::AnswerLost => ("可能已经发送；应答丢失了。".into(), ""),
        E::ApprovalGone => ("这个批准请求已不再等待。".into(), ""),
        E::NotOffered => ("这个批准请求没有这个选项。".into(), "请批准一次。"),
        E::QuestionGone => ("这个问题已不再等待。".into(), ""),
        E::NotCompacted(why) => (format!("会话没有压缩：{why}"), "请稍后再试。"),
        E::NoCopyNamed => ("网关没有给出副本的名称。".into(), "请更新网关。"),
        E::NoReport => ("没有查看过的报告。".into(), ""),
        E::ReportNotWritten(why) => (format!("无法写入报告：{why}。"), "请改为复制。"),
        E::NoWebLink => ("只能打开网页和邮件地址。".into(), ""),
        E::LinkNotOpened => ("无法打开链接。".into(), "请复制它。"),
        E::NoCapture => ("此桌面无法提供该内容。".into(), "请粘贴，或附加文件。"),
        E::CaptureTooLarge => ("它超过了任何网关接受的大小。".into(), "请少附加一些。"),
        E::ClipboardSilent => ("复制它的程序没有应答。".into(), "请重新复制。"),
        E::NoScreenshot => ("此桌面没有提供截图。".into(), "请用桌面自带的按键截图并粘贴。"),
        E::SettingValue(name) => (format!("设置项 {name} 不能取这个值。"), ""),
        E::SettingsNotWritten => (
            "无法写入设置文件。".into(),
            "请腾出磁盘空间，或取得该文件的权限；在此之前，更改只在应用退出前有效。",
        ),
        E::Stopping => ("应用正在退出。".into(), ""),
    }
}
