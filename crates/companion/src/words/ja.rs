use super::{Language, Told, Words};
use crate::connection::keychain_sentence;
use crate::profiles::BadUrl;
use crate::request_error::RequestError;

pub(super) static WORDS: Words = Words {
    no_gateway: "ゲートウェイがまだ設定されていません。",
    connected: |gateway, ms| match ms {
        Some(ms) => format!("{gateway}: 接続済み、{ms} ms"),
        None => format!("{gateway}: 接続済み"),
    },
    runs: |count| format!("実行中 {count} 件"),
    things_need_you: |count| format!("対応待ち {count} 件"),
    unread: |count| format!("未読 {count} 件"),
    try_now: "今すぐ試す",
    approve: |what| format!("承認: {what}"),
    approve_once: "一度だけ承認",
    deny: "拒否",
    answer: |what| format!("回答: {what}"),
    quick_chat: "クイックチャット",
    sessions: "セッションを開く",
    gateways: "ゲートウェイ",
    do_not_disturb: "おやすみモード",
    end_do_not_disturb: "おやすみモードを終える",
    for_one_hour: "1 時間",
    until_tomorrow: "明日まで",
    settings: "設定",
    quit: "終了",

    open: "開く",
    reply: "返信",
    new_reply: "新しい返信",
    something_new: "新着があります",
    run_failed: "実行に失敗しました",
    run_failed_because: |why| format!("実行に失敗しました: {why}"),
    asks_for_approval: |session| format!("{session} が承認を求めています"),
    approval_waits: "承認待ちがあります",
    asks: |session| format!("{session} からの質問"),
    question_waits: "質問が回答を待っています",
    gateway_down: |gateway| format!("{gateway} に接続できません"),
    waits_until_back: "書いたものは復帰するまで待機します。",
    gateway_back: |gateway| format!("{gateway} が復帰しました"),
    connected_again: "再び接続しました。",
    pairing: |gateway| format!("{gateway}: ペアリング"),
    replies_while_away: |count| format!("離席中の返信 {count} 件"),
    some_device: "デバイス",
    asks_to_be_paired: |device, gateway| format!("{device} が {gateway} とのペアリングを求めています。"),

    connecting: |gateway| format!("{gateway} に接続しています。"),
    starting: |gateway| format!("{gateway} は起動中です。書いたものはここで待機します。"),
    not_reachable: |gateway| format!("{gateway} に接続できません。書いたものはここで待機します。"),
    switched_off: |gateway| format!("{gateway} はここではオフになっています。"),
    wants_token: |gateway| format!("{gateway} がトークンを求めています。"),
    password_invalid: |gateway| format!("{gateway} のパスワードが正しくありません。"),
    token_invalid: |gateway| format!("{gateway} のトークンは無効になりました。"),
    rights_missing: |gateway| format!("{gateway} はこのデバイスが求める権限を与えていません。"),
    pairing_wider: |gateway| format!("{gateway} でこのデバイスの追加の権限を承認してください。"),
    pairing_again: |gateway| format!("{gateway} でこのデバイスをもう一度承認してください。"),
    pairing_once: |gateway| format!("{gateway} でこのデバイスを一度承認してください。"),
    lets_wait: |gateway| format!("要求または失敗した試行が多すぎるため、{gateway} が待機を求めています。"),
    speaks_protocol: |gateway, version| {
        format!("{gateway} はこのバージョンが対応していないプロトコル {version} を使っています。")
    },
    no_common_protocol: |gateway| format!("{gateway} とこのバージョンに共通のプロトコルがありません。"),
    device_removed: |gateway| format!("{gateway} がこのデバイスを削除したか、認証を変更しました。"),
    refused: |gateway, why| format!("{gateway} が接続を拒否しました: {why}"),
    keychain_locked: |gateway| {
        format!("キーチェーンがロックされています。{gateway} へのサインインに必要です。")
    },
    keychain_absent: |gateway| {
        format!("このデスクトップには {gateway} の秘密情報を置くキーチェーンがありません。")
    },
    keychain_silent: |gateway| format!("キーチェーンが応答しません。{gateway} へのサインインに必要です。"),
    keychain_refused: |gateway| format!("キーチェーンに拒否されました。{gateway} へのサインインに必要です。"),
    keychain_hint: "ロックを解除するか、トークンをこのセッションの間だけ保持してください。",

    no_tray: (
        "このデスクトップはトレイアイコンを表示しません。",
        "Clawtray をもう一度起動するか、ホットキーを押すと、このウィンドウが開きます。",
    ),
    no_notifications: (
        "このデスクトップは通知を表示しません。",
        "新着はトレイとセッション一覧で分かります。",
    ),
    no_keychain: (
        "このデスクトップにはキーチェーンのサービスがありません。",
        "秘密情報はこのセッションの間だけ保持され、ファイルには何も書き込まれません。",
    ),
    keychain_emptied: |gateway| format!("{gateway} へのサインイン情報がキーチェーンからなくなりました。"),
    keychain_emptied_hint: "Clawtray を終了するまでは使えます。保存するには、設定でトークンをもう一度入力してください。",
    disk_full: (
        "ディスクがいっぱいのため、会話をオフライン用に保存できません。",
        "ディスクの空きを作ってください。足りない分はもう一度取得されます。",
    ),
    copy_rebuilt: (
        "会話のローカルコピーが壊れていたため、ゲートウェイから取り直しています。",
        "何もする必要はありません。",
    ),
    no_windows: "Clawtray のウィンドウを開けません",
    windows_broken: |why| {
        format!(
            "{why}。Clawtray を再インストールしてください。それまではウィンドウでできることをすべて clawctl で行えます。"
        )
    },
    windows_updated: "実行中に更新されました。トレイから終了し、もう一度起動してください。",
    autostart_off: |why| format!("Clawtray をシステムと一緒に起動するように設定できませんでした: {why}。"),
    autostart_on: |why| format!("Clawtray は引き続きシステムと一緒に起動します: {why}。"),
    autostart_hint: "デスクトップの設定で変更してください。",
    hotkey_taken: |keys| format!("{keys} は別のプログラムが使っています。"),
    hotkey_taken_hint: "設定で別のキーを選んでください。",
    hotkey_refused: |why| format!("デスクトップがキーを割り当てませんでした: {why}"),
    hotkey_by_hand: "デスクトップの設定で `clawctl toggle` にキーを割り当ててください。",

    this_computer: "このコンピューター",
    built_in: "内蔵",
    usual_port: "このコンピューターの標準ポート",
    local_network: "ローカルネットワーク",

    main_chat: "メインチャット",
    main_chat_of: |agent| format!("{agent} のメインチャット"),
    channel_chat: |channel| format!("{channel} チャット"),
    channel_group: |channel| format!("{channel} グループ"),
    automation: "自動実行",
    subtask: "サブタスク",
    webhook: "Webhook",
    chat: "チャット",

    settings_set_aside: (
        "設定ファイルを読み取れなかったため、別名で残しました。",
        "新しいファイルの隣にあります。",
    ),
    settings_unreadable: (
        "設定ファイルを読み取れませんでした。",
        "ファイルの権限を確認してください。それまで設定はアプリの終了までしか残りません。",
    ),
    gateways_set_aside: (
        "ゲートウェイの一覧を読み取れなかったため、別名で残しました。",
        "新しいファイルの隣にあります。",
    ),
    no_data_folder: (
        "データフォルダーを使えません。メッセージと下書きはアプリの終了までしか残りません。",
        "空き容量を増やすか、フォルダーの権限を確認してください。",
    ),
    outbox_saved: |kept| {
        format!(
            "送信箱のファイルが壊れていましたが、中身はすべて救出しました（待機中のメッセージ {kept} 件）。"
        )
    },
    outbox_salvaged: |kept| {
        format!(
            "送信箱のファイルが壊れていました。待機中のメッセージ {kept} 件を救出し、壊れたファイルは隣に残しました。"
        )
    },

    answers: |gateway, version| match version {
        "" => format!("{gateway} が応答しました。"),
        _ => format!("{gateway} が応答しました。バージョン {version}。"),
    },
    does_not_answer: |gateway| format!("{gateway} が応答しません。"),
    not_reachable_because: |gateway, why| format!("{gateway} に接続できません: {why}。"),

    request_error,
};

fn request_error(error: &RequestError) -> Told {
    use RequestError as E;
    match error {
        E::Malformed(what) => (format!("{what}."), ""),
        E::NoGateway => (
            "ゲートウェイがまだ設定されていません。".into(),
            "ゲートウェイを追加してください。",
        ),
        E::NoSuchGateway => ("そのゲートウェイはありません。".into(), ""),
        E::FoundGone => (
            "このゲートウェイはもうありません。".into(),
            "もう一度探してください。",
        ),
        E::Address(BadUrl::NotAUrl) => ("これはアドレスではありません。".into(), ""),
        E::Address(BadUrl::Scheme) => (
            "ゲートウェイのアドレスは ws、wss、http、https、ssh のいずれかで始まります。".into(),
            "",
        ),
        E::NameMissing => ("ゲートウェイには名前が必要です。".into(), ""),
        E::WebhookSecretMissing => ("Webhook には署名用のシークレットが必要です。".into(), ""),
        E::NoFingerprint => ("フィンガープリントは 64 桁の 16 進数です。".into(), ""),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::Japanese),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "キーチェーンから秘密情報を削除できませんでした。".into(),
            "Clawtray の項目をそこで手動で削除してください。",
        ),
        E::CopyNotCleared => (
            "ローカルコピーを消去できませんでした。".into(),
            "もう一度お試しください。原因はログにあります。",
        ),
        E::NotConnected => (
            "ゲートウェイに接続していません。".into(),
            "復帰してからもう一度お試しください。",
        ),
        E::Disconnected => (
            "接続が切れました。".into(),
            "復帰してからもう一度お試しください。",
        ),
        E::Timeout => (
            "ゲートウェイが時間内に応答しませんでした。".into(),
            "もう一度お試しください。",
        ),
        E::Gateway {
            forbidden, message, ..
        } => {
            let hint = if *forbidden {
                "設定でフルコントロールを許可するか、ゲートウェイの所有者に尋ねてください。"
            } else {
                ""
            };
            (message.clone(), hint)
        }
        E::CallTooLarge(megabytes) => (
            format!("ゲートウェイが受け付ける {megabytes} MB を超えています。"),
            "一度に送る量を減らしてください。",
        ),
        E::Unsupported(what) => (format!("このゲートウェイではできません: {what}。"), ""),
        E::BadAnswer => (
            "ゲートウェイの応答を読み取れませんでした。".into(),
            "ゲートウェイを更新してください。",
        ),
        E::NothingToSend => ("送るものがありません。".into(), ""),
        E::NoFiles => (
            "このゲートウェイはファイルを受け付けません。".into(),
            "テキストだけを送ってください。",
        ),
        E::ImageTooLarge(megabytes) => (
            format!("画像が {megabytes} MB を超えています。"),
            "別の画像を選んでください。",
        ),
        E::FileTooLarge(megabytes) => (
            format!("ファイルが {megabytes} MB を超えています。"),
            "別のファイルを選んでください。",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("ファイルの合計が {megabytes} MB を超えています。"),
            "一度に送る数を減らしてください。",
        ),
        E::NoSuchPrompt => ("そのメッセージはありません。".into(), ""),
        E::PromptOnItsWay => (
            "メッセージはすでに送信中です。".into(),
            "実行を停止してください。",
        ),
        E::AnswerLost => ("送信された可能性がありますが、応答が失われました。".into(), ""),
        E::ApprovalGone => ("この承認はもう待っていません。".into(), ""),
        E::NotOffered => (
            "この承認ではそれを選べません。".into(),
            "一度だけ承認してください。",
        ),
        E::QuestionGone => ("この質問はもう待っていません。".into(), ""),
        E::NotCompacted(why) => (
            format!("セッションは圧縮されませんでした: {why}"),
            "後でもう一度お試しください。",
        ),
        E::NoCopyNamed => (
            "ゲートウェイがコピーの名前を返しませんでした。".into(),
            "ゲートウェイを更新してください。",
        ),
        E::NoReport => ("確認済みのレポートがありません。".into(), ""),
        E::ReportNotWritten(why) => (
            format!("レポートを書き込めませんでした: {why}。"),
            "代わりにコピーしてください。",
        ),
        E::NoWebLink => ("開けるのはウェブとメールのアドレスだけです。".into(), ""),
        E::LinkNotOpened => ("リンクを開けませんでした。".into(), "コピーしてください。"),
        E::NoCapture => (
            "このデスクトップからは取得できません。".into(),
            "貼り付けるか、ファイルを添付してください。",
        ),
        E::CaptureTooLarge => (
            "どのゲートウェイも受け付けない大きさです。".into(),
            "添付する量を減らしてください。",
        ),
        E::ClipboardSilent => (
            "コピー元のプログラムが応答しません。".into(),
            "もう一度コピーしてください。",
        ),
        E::NoScreenshot => (
            "このデスクトップからスクリーンショットを取得できませんでした。".into(),
            "デスクトップのキーで撮影して貼り付けてください。",
        ),
        E::SettingValue(name) => (format!("設定 {name} にその値は使えません。"), ""),
        E::SettingsNotWritten => (
            "設定ファイルに書き込めませんでした。".into(),
            "空き容量を増やすか、ファイルの権限を確認してください。それまで変更はアプリの終了までしか残りません。",
        ),
        E::Stopping => ("アプリを終了しています。".into(), ""),
    }
}
