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
    try_now: "今すぐ再試行",
    approve: |what| format!("承認: {what}"),
    approve_once: "一度だけ承認",
    deny: "拒否",
    answer: |what| format!("回答: {what}"),
    quick_chat: "クイックチャット",
    sessions: "セッションを開く",
    gateways: "ゲートウェイ",
    do_not_disturb: "おやすみモード",
    end_do_not_disturb: "おやすみモードをオフにする",
    for_one_hour: "1 時間",
    until_tomorrow: "明日まで",
    settings: "設定",
    quit: "終了",

    open: "開く",
    reply: "返信",
    new_reply: "新しい返信",
    something_new: "新しいアクティビティ",
    run_failed: "実行に失敗しました",
    run_failed_because: |why| format!("実行に失敗しました: {why}"),
    asks_for_approval: |session| format!("{session} が承認を求めています"),
    approval_waits: "承認が必要です",
    asks: |session| format!("{session} から質問があります"),
    question_waits: "回答が必要です",
    gateway_down: |gateway| format!("{gateway} に接続できません"),
    waits_until_back: "メッセージは保存され、後で送信されます。",
    gateway_back: |gateway| format!("{gateway} に再接続しました"),
    connected_again: "Clawtray は接続済みです。",
    pairing: |gateway| format!("{gateway}: ペアリング要求"),
    replies_while_away: |count| format!("離席中の返信 {count} 件"),
    some_device: "デバイス",
    asks_to_be_paired: |device, gateway| format!("{device} が {gateway} とのペアリングを求めています。"),

    review: "確認…",
    fact_runs: "実際の実行内容",
    fact_program: "プログラム",
    fact_folder: "フォルダー",
    fact_host: "ホスト",
    fact_node: "ノード",
    not_approved: |what| match what {
        "" => "承認されませんでした".to_owned(),
        _ => format!("承認されませんでした: {what}"),
    },
    not_denied: |what| match what {
        "" => "拒否されませんでした".to_owned(),
        _ => format!("拒否されませんでした: {what}"),
    },
    reply_not_sent: "返信は送信されませんでした",
    gateway_refused: "ゲートウェイが拒否しました。",
    reply_is_draft: "書いたものは下書きとして残っています。",
    reply_waits: "書いたものはセッションに残っています。開いてもう一度試してください。",
    open_to_decide: "Clawtray を開いて決めてください。",

    connecting: |gateway| format!("{gateway} に接続しています。"),
    starting: |gateway| format!("{gateway} は起動中です。メッセージは保存され、後で送信されます。"),
    not_reachable: |gateway| format!("{gateway} に接続できません。メッセージは保存され、後で送信されます。"),
    switched_off: |gateway| format!("{gateway} への接続はオフになっています。"),
    wants_token: |gateway| format!("{gateway} にはトークンが必要です。"),
    wants_password: |gateway| format!("{gateway} にはパスワードが必要です。"),
    token_elsewhere: |place| {
        format!("ゲートウェイのトークンは {place} にあります。次のコマンドで表示できます：")
    },
    token_placeholder: "設定にはトークンではなくプレースホルダーが入っています。次のコマンドで表示できます：",
    old_folder: "これは古いバージョンのフォルダーです。次のコマンドで移行できます：",
    password_invalid: |gateway| format!("{gateway} のパスワードが正しくありません。"),
    token_invalid: |gateway| format!("{gateway} のトークンは無効になりました。"),
    rights_missing: |gateway| format!("{gateway} は Clawtray に必要な権限をこのデバイスに与えていません。"),
    pairing_wider: |gateway| format!("{gateway} でこのデバイスの追加の権限を承認してください。"),
    pairing_again: |gateway| format!("{gateway} でこのデバイスをもう一度承認してください。"),
    pairing_once: |gateway| format!("{gateway} でこのデバイスを一度承認してください。"),
    lets_wait: |gateway| format!("要求または失敗した試行が多すぎます。{gateway} が待機を求めています。"),
    speaks_protocol: |gateway, version| {
        format!(
            "{gateway} はプロトコル {version} を使っています。このバージョンの Clawtray は対応していません。"
        )
    },
    no_common_protocol: |gateway| {
        format!("{gateway} とこのバージョンの Clawtray に共通のプロトコルがありません。")
    },
    device_removed: |gateway| format!("{gateway} がこのデバイスを削除したか、認証を変更しました。"),
    certificate_changed: |gateway| {
        format!(
            "{gateway} の証明書は信頼されていません。別のサーバーが応答している可能性があります。Clawtray は再試行します。証明書を更新した場合は、ここで {gateway} を削除して追加し直してください。"
        )
    },
    client_failed: |gateway| {
        format!(
            "Clawtray のエラーにより、{gateway} への接続が 2 回失敗しました。Clawtray が接続を再開します。"
        )
    },
    refused: |gateway, why| format!("{gateway} が接続を拒否しました: {why}"),
    keychain_locked: |gateway| {
        format!("キーチェーンがロックされています。{gateway} へのサインインにはキーチェーンが必要です。")
    },
    keychain_absent: |gateway| {
        format!(
            "このデスクトップにはキーチェーンのサービスがありません。{gateway} のトークンの保存に必要です。"
        )
    },
    keychain_silent: |gateway| {
        format!("キーチェーンが応答しません。{gateway} へのサインインにはキーチェーンが必要です。")
    },
    keychain_refused: |gateway| {
        format!("キーチェーンがアクセスを拒否しました。{gateway} へのサインインにはキーチェーンが必要です。")
    },
    keychain_hint: "キーチェーンのロックを解除するか、トークンを Clawtray の終了まで保持してください。",

    no_tray: (
        "このデスクトップはトレイアイコンを表示しません。",
        "このウィンドウを開くには、Clawtray をもう一度起動するか、ホットキーを押してください。",
    ),
    no_notifications: (
        "このデスクトップは通知を表示しません。",
        "新着はトレイとセッション一覧で確認できます。",
    ),
    no_keychain: (
        "このデスクトップにはキーチェーンのサービスがありません。",
        "トークンは Clawtray の終了まで保持され、ファイルには書き込まれません。",
    ),
    keychain_emptied: |gateway| format!("{gateway} のトークンがキーチェーンにありません。"),
    keychain_emptied_hint: "トークンは Clawtray の終了まで使えます。保存するには、設定でトークンをもう一度入力してください。",
    disk_full: (
        "ディスクがいっぱいです。セッションをオフライン用に保存できません。",
        "ディスクの空き容量を増やしてください。不足分は自動で読み込まれます。",
    ),
    copy_rebuilt: (
        "セッションのローカルコピーが壊れていました。ゲートウェイから再び読み込んでいます。",
        "操作は必要ありません。",
    ),
    no_windows: "Clawtray のウィンドウを開けません",
    windows_broken: |why| {
        format!(
            "{why}。Clawtray を再インストールしてください。それまではターミナルで clawctl を使ってください。"
        )
    },
    windows_updated: "Clawtray は実行中に更新されました。トレイから終了し、もう一度起動してください。",
    autostart_off: |why| format!("ログイン時に Clawtray を起動するように設定できませんでした: {why}。"),
    autostart_on: |why| format!("Clawtray は引き続きログイン時に起動します: {why}。"),
    autostart_hint: "デスクトップの設定で変更してください。",
    hotkey_taken: |keys| format!("{keys} は別のプログラムが使っています。"),
    hotkey_taken_hint: "設定で別のキーを選んでください。",
    hotkey_refused: |why| format!("ホットキーを登録できませんでした: {why}。"),
    hotkey_by_hand: "デスクトップのキーボード設定で、コマンド「clawctl toggle」にキーを割り当ててください。",
    hotkey_unset: (
        "ショートカットは許可されていますが、デスクトップでキーが設定されていません。",
        "システム設定のキーボードショートカットで選んでください。",
    ),
    hotkey_not_granted: "デスクトップがショートカットを許可しませんでした。",
    hotkey_no_portal: "このデスクトップにはグローバルショートカット用のポータルがありません。",

    this_computer: "このコンピューター",
    built_in: "内蔵",
    usual_port: "このコンピューターの既定のポート",
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
        "設定ファイルを読み取れませんでした。既定の設定を使います。",
        "古いファイルは新しいファイルと同じ場所にあります。",
    ),
    settings_unreadable: (
        "設定ファイルを読み取れませんでした。",
        "ファイルの所有者を確認してください。それまで変更は Clawtray の終了までしか残りません。",
    ),
    gateways_set_aside: (
        "ゲートウェイの一覧を読み取れませんでした。新しい一覧を作成しました。",
        "古いファイルは新しいファイルと同じ場所にあります。",
    ),
    no_data_folder: (
        "データフォルダーを使えません。メッセージと下書きは Clawtray の終了までしか残りません。",
        "ディスクの空き容量を増やすか、フォルダーの所有者を確認してください。",
    ),
    link_unknown: (
        "リンクのセッションはこのゲートウェイにありません。",
        "削除されたか、別のゲートウェイのものかもしれません。",
    ),
    settings_newer: (
        "設定ファイルは新しいバージョンの Clawtray が書いたものです。そのまま残します。",
        "Clawtray を更新してください。それまで変更はアプリの終了まで有効です。",
    ),
    settings_read_only: (
        "設定ファイルは読み取り専用です。",
        "管理している場所で変更してください。ここでの変更はアプリの終了まで有効です。",
    ),
    gateways_unreadable: (
        "ゲートウェイの一覧を今は読み込めません。そのまま残し、再試行します。",
        "ファイルの所有者とディスクの状態を確認してください。",
    ),
    gateways_newer: (
        "ゲートウェイの一覧は新しいバージョンの Clawtray が書いたものです。そのまま残します。",
        "Clawtray を更新してください。それまで変更はアプリの終了まで有効です。",
    ),
    gateways_not_written: (
        "ゲートウェイの一覧を書き込めませんでした。",
        "ディスクの空きを増やすか、ファイルが読み取り専用でないか確認してください。それまで変更はアプリの終了まで有効です。",
    ),
    prompts_unsaved: |count| {
        format!("{count} 件のメッセージを保存できませんでした。今終了すると失われます。")
    },
    prompts_unsaved_hint: "ディスクの空きを増やしてください。自動的に再試行します。",
    quit_again: "それでも終了するには、もう一度終了してください。",
    drafts_unsaved: (
        "書きかけの内容を保存できませんでした。",
        "ディスクの空きを増やしてください。それまで下書きはアプリの終了とともに失われます。",
    ),
    outbox_stuck: (
        "送信待ちファイルを今は使えません。メッセージは使えるようになるまで待ちます。",
        "別のプログラムが使っていないか、ディスクがいっぱいでないか確認してください。",
    ),
    outbox_saved: |kept| {
        format!(
            "送信トレイのファイルが壊れていました。内容はすべて復元しました（待機中のメッセージ {kept} 件）。"
        )
    },
    outbox_salvaged: |kept| {
        format!(
            "送信トレイのファイルが壊れていました。待機中のメッセージ {kept} 件を復元し、壊れたファイルは新しいファイルと同じ場所に残しました。"
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
        E::NoSuchGateway => (
            "このゲートウェイは存在しません。".into(),
            "別のゲートウェイを選択してください。",
        ),
        E::FoundGone => (
            "このゲートウェイは利用できなくなりました。".into(),
            "もう一度検索してください。",
        ),
        E::Address(BadUrl::NotAUrl) => (
            "アドレスが正しくありません。".into(),
            "ws://127.0.0.1:18789 のようなアドレスを入力してください。",
        ),
        E::Address(BadUrl::Scheme) => (
            "アドレスは ws、wss、http、https、ssh のいずれかで始まる必要があります。".into(),
            "ws://127.0.0.1:18789 のようなアドレスを入力してください。",
        ),
        E::TokenPlaceholder => (
            "これはトークンではなくプレースホルダーです。".into(),
            "ゲートウェイのコンピューターで openclaw gateway auth-token --show を実行すると、トークンが表示されます。",
        ),
        E::NameMissing => (
            "ゲートウェイには名前が必要です。".into(),
            "名前を入力してください。",
        ),
        E::WebhookSecretMissing => (
            "Webhook には署名用の共有シークレットが必要です。".into(),
            "シークレットを入力してください。",
        ),
        E::NoFingerprint => (
            "フィンガープリントは 64 桁の 16 進数です。".into(),
            "フィンガープリント全体をコピーしてください。",
        ),
        E::Keychain { error, gateway } => (
            keychain_sentence(error, gateway, Language::Japanese),
            WORDS.keychain_hint,
        ),
        E::SecretsLeft => (
            "ゲートウェイの秘密情報をキーチェーンから削除できませんでした。".into(),
            "キーチェーンから Clawtray の項目を手動で削除してください。",
        ),
        E::CopyNotCleared => (
            "ローカルコピーを消去できませんでした。".into(),
            "もう一度お試しください。原因はログにあります。",
        ),
        E::MessageNotGiven => (
            "ゲートウェイはこのメッセージの全文を返しません。".into(),
            "全文はゲートウェイのコンピューターにあるセッションの記録にあります。",
        ),
        E::NotConnected => (
            "ゲートウェイに接続していません。".into(),
            "ゲートウェイの復旧後にもう一度お試しください。",
        ),
        E::Disconnected => (
            "接続が切れました。".into(),
            "ゲートウェイの復旧後にもう一度お試しください。",
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
            format!("メッセージがゲートウェイの受け付ける {megabytes} MB を超えています。"),
            "一度に送る量を減らしてください。",
        ),
        E::Unsupported(what) => (format!("このゲートウェイではできません: {what}。"), ""),
        E::BadAnswer => (
            "ゲートウェイの応答を読み取れませんでした。".into(),
            "ゲートウェイを更新してください。",
        ),
        E::NothingToSend => (
            "送信する内容がありません。".into(),
            "メッセージを入力してください。",
        ),
        E::NoFiles => (
            "このゲートウェイはファイルを受け付けません。".into(),
            "テキストだけを送ってください。",
        ),
        E::ImageTooLarge(megabytes) => (
            format!("画像が {megabytes} MB を超えています。"),
            "別のファイルを選択してください。",
        ),
        E::FileTooLarge(megabytes) => (
            format!("ファイルが {megabytes} MB を超えています。"),
            "別のファイルを選択してください。",
        ),
        E::FilesTooLarge(megabytes) => (
            format!("ファイルの合計が {megabytes} MB を超えています。"),
            "一度に送る数を減らしてください。",
        ),
        E::NoSuchPrompt => ("このメッセージは存在しません。".into(), ""),
        E::PromptOnItsWay => (
            "メッセージはすでに送信中です。".into(),
            "実行を停止してください。",
        ),
        E::AnswerLost => (
            "メッセージは送信された可能性がありますが、応答が失われました。".into(),
            "再送信する前に、セッションを確認してください。",
        ),
        E::ApprovalGone => ("この承認は待機中ではなくなりました。".into(), ""),
        E::NotOffered => (
            "この承認ではその選択はできません。".into(),
            "一度だけ承認してください。",
        ),
        E::QuestionGone => ("この質問は待機中ではなくなりました。".into(), ""),
        E::NotCompacted(why) => (
            format!("セッションは圧縮されませんでした: {why}"),
            "後でもう一度お試しください。",
        ),
        E::NoCopyNamed => (
            "ゲートウェイが新しいセッションを返しませんでした。".into(),
            "ゲートウェイを更新してください。",
        ),
        E::NoReport => (
            "保存するレポートがありません。".into(),
            "先にレポートを表示してください。",
        ),
        E::ReportNotWritten(why) => (
            format!("レポートを書き込めませんでした: {why}。"),
            "代わりにレポートをコピーしてください。",
        ),
        E::NoWebLink => (
            "開けるのはウェブとメールのアドレスだけです。".into(),
            "リンクをコピーしてください。",
        ),
        E::LinkNotOpened => (
            "リンクを開けませんでした。".into(),
            "リンクをコピーしてください。",
        ),
        E::NoCapture => (
            "このデスクトップからはこの内容を取得できません。".into(),
            "内容を貼り付けるか、ファイルを添付してください。",
        ),
        E::CaptureTooLarge => (
            "内容がゲートウェイの受け付ける大きさを超えています。".into(),
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
        E::SettingValue(name) => (format!("設定 {name} にこの値は使えません。"), ""),
        E::SettingsNotWritten => (
            "設定ファイルに書き込めませんでした。".into(),
            "ディスクの空き容量を増やすか、ファイルの所有者を確認してください。それまで変更は Clawtray の終了までしか残りません。",
        ),
        E::Stopping => (
            "Clawtray を終了しています。".into(),
            "Clawtray をもう一度起動してください。",
        ),
        E::NotAllowed => ("このウィンドウではその操作はできません。".into(), ""),
        E::Internal => (
            "Clawtray で問題が発生しました。".into(),
            "もう一度お試しください。詳細はログにあります。",
        ),
    }
}
