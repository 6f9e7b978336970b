"""Settings: ``weft.toml`` and ``WEFT_…`` variables become one frozen, checked ``Config``.

Rule 1: ``load`` is pure: text and environment in, settings out; whatever is wrong is told with its place and remedy.
Rule 2: every field has its unit in its name, a default, and a sentence in both languages (the file's comments and
        ``docs/reference/configuration`` come from them).
Rule 3: secrets are files of the home, never settings.
Not here: reading the file (``launch.py``).
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from weft.basis import zone
from weft.basis.errors import Invalid
from weft.basis.quantity import MINOR_UNITS
from weft.basis.zone import Zone

Policy = Literal["auto", "ask"]
VARIABLE: Final = "WEFT_"
TEXT_MAX: Final = 200
SETTINGS_MAX: Final = 64 * 1024  # characters
LINE_MAX: Final = 1_000
UNIVERSAL: Final = frozenset("UTC Etc/UTC Etc/UCT UCT Zulu Etc/Zulu Universal Etc/Universal".split())


def _about(en: str, zh: str, **limits: Any) -> Meta:
    return Meta(description=en, extra={"zh": zh}, **limits)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the file."""


class Firm(Section, frozen=True):
    """Who we are, as our partners see it."""

    name: Annotated[str, _about("The firm's name.", "公司名称。", max_length=TEXT_MAX)] = ""
    lang: Annotated[Literal["zh", "en"], _about("Language of console and documents.", "界面和单据的语言。")] = "zh"
    url: Annotated[str, _about(
        "Address at which partners reach this node; empty if they cannot: it then polls them.",
        "合作方访问本节点的地址；留空表示外部访问不到，由本节点去轮询对方。", max_length=TEXT_MAX)] = ""
    address: Annotated[str, _about("Postal address, for delivery notes.", "送货单上的地址。", max_length=TEXT_MAX)] = ""
    street: Annotated[str, _about("Street and number, for nameplates.", "街道和门牌号，用于铭牌。",
                                  max_length=TEXT_MAX)] = ""
    zipcode: Annotated[str, _about("Postal code.", "邮政编码。", max_length=40)] = ""
    city: Annotated[str, _about("Town.", "城市。", max_length=TEXT_MAX)] = ""
    state: Annotated[str, _about("Province or state.", "省份。", max_length=TEXT_MAX)] = ""
    country: Annotated[str, _about("Country (ISO 3166, two letters, such as CN).",
                                   "国家代码（ISO 3166 两位字母，如 CN）。",
                                   max_length=2)] = ""
    telephone: Annotated[str, _about("Telephone, for purchase orders.", "电话，用于采购单。", max_length=40)] = ""
    email: Annotated[str, _about("E-mail address, for purchase orders.", "电子邮箱，用于采购单。",
                                 max_length=TEXT_MAX)] = ""
    contact: Annotated[str, _about("Person and telephone, in free words.", "联系人和电话。", max_length=TEXT_MAX)] = ""
    tax_number: Annotated[str, _about("Tax number.", "税号（统一社会信用代码）。", max_length=TEXT_MAX)] = ""
    currency: Annotated[str, _about(
        "Currency where the price book names none (ISO 4217).", "价目表未注明时的货币（ISO 4217）。")] = "CNY"
    time_zone: Annotated[str, _about(
        "Time zone of the firm: the name of a place such as Europe/Berlin, or an offset such as +08:00. Slips, shifts"
        " and shown times follow it. weft init takes the machine's own.",
        "公司所在时区：地名（如 Asia/Shanghai、Europe/Berlin）或时差（如 +08:00）。小票、班次和显示的时间以此为准。"
        "weft init 会写入本机的时区。", max_length=TEXT_MAX)] = "Asia/Shanghai"

    @property
    def zone(self) -> Zone:
        """The clock of that place."""
        return zone.of(self.time_zone)


class Listen(Section, frozen=True):
    """Where this node answers."""

    host: Annotated[str, _about(
        "Address to listen on; 0.0.0.0 lets phones on the LAN in.",
        "监听地址；0.0.0.0 允许局域网内的手机访问。")] = "127.0.0.1"
    port: Annotated[int, _about("Port to listen on; 0 takes any free one.", "监听端口；0 表示任选一个空闲端口。",
                                ge=0, le=65_535)] = 8440


class Https(Section, frozen=True):
    """Where this node answers with HTTPS, which tills and cameras of phones need."""

    port: Annotated[int, _about(
        "Port for HTTPS, such as 8444; 0: no HTTPS.", "HTTPS 端口，例如 8444；0 表示不启用。", ge=0, le=65_535)] = 0
    host: Annotated[str, _about(
        "Address to listen on for HTTPS, such as this machine's on the LAN; empty: as [listen] host.",
        "HTTPS 监听地址，例如本机在局域网内的地址；留空与 [listen] 的 host 相同。")] = ""
    names: Annotated[str, _about(
        "Further names and addresses by which phones and tablets reach this node, separated by commas.",
        "手机和平板访问本节点时还会用到的名称和地址，用英文逗号分隔。", max_length=1_000)] = ""
    certificate: Annotated[str, _about(
        "Certificate file of your own domain (PEM, with its chain); empty: the node makes its own.",
        "自有域名的证书文件（PEM，含证书链）；留空则由节点自己签发。")] = ""
    key: Annotated[str, _about("Key file of that certificate (PEM).", "该证书的私钥文件（PEM）。")] = ""


class Storage(Section, frozen=True):
    """Where bytes rest."""

    database: Annotated[str, _about(
        "Database; empty: weft.db in the home. sqlite:PATH is another file.",
        "数据库；留空为主目录中的 weft.db；sqlite:路径 指定另一个文件。")] = ""


class Rules(Section, frozen=True):
    """What the node may do by itself (auto), and where a person decides (ask)."""

    quote: Annotated[Policy, _about("Answer a request for quotation.", "回复询价。")] = "ask"
    order: Annotated[Policy, _about("Accept an order that matches our quotation.", "接受与报价相符的订单。")] = "ask"
    change: Annotated[Policy, _about(
        "Offer the buyer a change when a promise moves.", "交期变动时向买方提出变更。")] = "ask"
    despatch: Annotated[Policy, _about("Send what is made.", "完工后发货。")] = "ask"
    subcontract: Annotated[Policy, _about(
        "Order from subcontractors what an order needs.", "向外协厂下达所需订单。")] = "ask"
    receive: Annotated[Policy, _about("Book in a delivery as advised.", "按发货通知收货入库。")] = "ask"
    invoice: Annotated[Policy, _about(
        "Bill what the buyer has received.", "买方收货后开出结算单。")] = "ask"
    quote_valid_hours: Annotated[float, _about(
        "How long a quotation binds us and holds capacity.", "报价的有效时间，期间为其保留产能。",
        ge=0.01, le=8_760)] = 72
    promise_move_minutes: Annotated[int, _about(
        "A promise that moves less than this is not worth a word.", "交期变动小于此值时不通知。", ge=0, le=43_200)] = 60
    promise_hold_minutes: Annotated[int, _about(
        "How long a date that has moved stays, before an earlier one is offered again.",
        "交期推迟后至少保持多久，才再提出提前。", ge=0, le=43_200)] = 60
    alarm_minutes: Annotated[int, _about(
        "How long a machine in alarm is taken to be out.", "机床报警后预计停机的时间。", ge=1, le=43_200)] = 60
    plan_search_s: Annotated[float, _about(
        "How long to look for a better plan after something has changed; 0: never.",
        "情况变化后用多长时间寻找更好的排产；0 表示不寻找。", ge=0, le=600)] = 5
    plan_frozen_minutes: Annotated[int, _about(
        "What begins within this time keeps its place in the plan.", "在此时间内开工的作业不再调整顺序。",
        ge=0, le=43_200)] = 60


class Peers(Section, frozen=True):
    """How this node speaks with those of other firms."""

    allow_private: Annotated[Literal["auto", "always", "never"], _about(
        "Whether partners may have addresses on the LAN or on this machine; auto: only while this node has one itself.",
        "是否允许合作方使用局域网或本机地址；auto 表示仅当本节点自身也在局域网或本机时允许。")] = "auto"
    poll_wait_s: Annotated[float, _about(
        "How long a partner may hold our question until there is news.", "轮询时对方最多等待多久再答复。",
        ge=0.1, le=60)] = 25
    retry_s_min: Annotated[float, _about(
        "Pause after the first failed delivery; it doubles from there.", "第一次投递失败后的等待，之后逐次加倍。",
        ge=0.01, le=3_600)] = 1
    retry_s_max: Annotated[float, _about("Longest pause between deliveries.", "两次投递之间的最长等待。",
                                         ge=0.01, le=86_400)] = 300
    compare_every_s: Annotated[float, _about(
        "How often both nodes compare which shared threads differ, so that nothing stays lost.",
        "每隔多久与合作方核对一次双方共有的往来记录，避免遗漏。", ge=1, le=604_800)] = 3_600
    mailboxes: Annotated[Policy, _about(
        "Leave sealed mail where an absent partner asks for it; ask: only after you agreed on the partner's page.",
        "联系不上合作方时，把密封信件放到对方指定的信箱；ask 表示先由您在合作方页面同意。")] = "auto"
    mail_after_s: Annotated[float, _about(
        "How long a partner is out of reach before mail for it is left in its mailbox.",
        "联系不上合作方多久以后，改放到对方的信箱。", ge=0.01, le=86_400)] = 60
    mail_check_s: Annotated[float, _about(
        "How often to ask a mailbox whether it still holds what was left there.",
        "每隔多久向信箱核对一次放在那里的信件。", ge=0.01, le=86_400)] = 60


class Mailbox(Section, frozen=True):
    """What this node keeps for others: sealed mail, in places that its owner gave out."""

    keep_days: Annotated[int, _about("How long a letter is kept.", "信件保留多久。", ge=1, le=28)] = 28
    place_letters: Annotated[int, _about("How many letters one place holds.", "每个信箱最多存放多少封信。",
                                         ge=1, le=100_000)] = 2_000
    place_megabytes: Annotated[int, _about("How much one place holds.", "每个信箱最多占用多少空间。",
                                           ge=1, le=10_000)] = 64
    all_megabytes: Annotated[int, _about("How much all places hold together.", "所有信箱合计最多占用多少空间。",
                                         ge=1, le=1_000_000)] = 1_024


class Retention(Section, frozen=True):
    """How long what is done is kept."""

    close_days: Annotated[int, _about(
        "An order that is received, billed and paid is closed so many days after its last word; 0: only by the owner.",
        "订单收货、结算、付款完毕后，过多少天自动结案；0 表示只由负责人手动结案。", ge=0, le=3_650)] = 30
    keep_years: Annotated[int, _about(
        "How many full calendar years vouchers (orders, deliveries, bills) are kept after closing, as your law asks.",
        "结案后，凭证（订单、送货、结算单）按法规须保存的完整年数。", ge=0, le=100)] = 10
    prune: Annotated[Policy, _about(
        "Let go of closed orders once those years are over; a proof that they were stays.",
        "保存期满后清理已结案的订单，只留下证明。")] = "ask"


class Limits(Section, frozen=True):
    """What other nodes may cost this one, so that none can slow it down for the others."""

    requests_per_s: Annotated[float, _about(
        "Requests a second of one partner, over time; every 8 events count as one more.",
        "每个合作方平均每秒的请求数；每 8 条记录另算一次请求。", ge=0.1, le=100_000)] = 100
    burst_requests: Annotated[float, _about(
        "Requests of one partner at a stretch, after a rest.", "合作方空闲之后可以连续发来的请求数。",
        ge=1, le=1_000_000)] = 1_000
    kilobytes_per_s: Annotated[float, _about(
        "Kilobytes a second to and from one partner, over time.", "与每个合作方平均每秒往来的数据量（千字节）。",
        ge=1, le=10_000_000)] = 4_096
    burst_kilobytes: Annotated[float, _about(
        "Kilobytes to and from one partner at a stretch, after a rest.",
        "与空闲之后的合作方可以连续往来的数据量（千字节）。", ge=4_096, le=100_000_000)] = 65_536
    day_megabytes: Annotated[float, _about(
        "Megabytes of new records a day that are kept for one partner.",
        "每天为每个合作方保存的新记录总量（兆字节）。", ge=1, le=10_000_000)] = 1_024
    thread_events: Annotated[int, _about(
        "Records of one partner in one order or relationship.", "每个合作方在同一订单或合作关系中最多的记录条数。",
        ge=1_000, le=100_000_000)] = 200_000
    at_once_requests: Annotated[int, _about(
        "Requests of one partner that are answered side by side.", "同时处理每个合作方的请求数。", ge=2, le=1_000)] = 16
    strangers_requests_per_s: Annotated[float, _about(
        "Requests a second of all nodes together that are no partners (yet).",
        "所有尚未建立合作关系的节点合计平均每秒的请求数。", ge=0.1, le=10_000)] = 5
    strangers_kilobytes_per_s: Annotated[float, _about(
        "Kilobytes a second of all of them together.", "这些节点合计平均每秒的数据量（千字节）。",
        ge=1, le=1_000_000)] = 256
    strangers_at_once_requests: Annotated[int, _about(
        "Requests of theirs that are answered side by side.", "同时处理这些节点的请求数。", ge=1, le=1_000)] = 4


class TwinKeeping(Section, frozen=True):
    """What is kept of digital twins that were written or imported; what they are now is always kept."""

    history_entries: Annotated[int, _about(
        "How many former states of each twin are kept.", "每个数字孪生保留多少个历史版本。", ge=0, le=100_000)] = 100
    feed_entries: Annotated[int, _about(
        "How many changes are kept for those that follow them from where they stopped.",
        "为从断点继续接收变更的订阅方保留多少条变更。", ge=1_000, le=1_000_000_000)] = 1_000_000
    deleted_days: Annotated[int, _about(
        "How many days former states of a deleted twin are kept, unless its owner erases them before.",
        "删除数字孪生后，其历史版本保留多少天（除非提前彻底清除）。", ge=1, le=36_500)] = 400
    file_megabytes: Annotated[int, _about(
        "Largest file that a twin may hold.", "数字孪生中单个文件的大小上限（兆字节）。", ge=1, le=100_000)] = 512


class History(Section, frozen=True):
    """What is kept of the numbers that machines tell, in a file beside the database (values.db)."""

    keep_days: Annotated[int, _about(
        "How long values of machines are kept; 0: none are kept.", "机床数值保留多少天；0 表示不保留。",
        ge=0, le=36_500)] = 400
    all_megabytes: Annotated[int, _about(
        "How much room they may take; beyond it the oldest go.",
        "机床数值最多占用多少空间（兆字节）；超出后删除最早的。", ge=16, le=10_000_000)] = 8_192
    free_megabytes: Annotated[int, _about(
        "How much of the disk they leave free for orders and books; below it the oldest go, or none are kept.",
        "为订单和账目留出多少磁盘空间（兆字节）；不足时删除最早的数值，或暂停保留。", ge=0, le=10_000_000)] = 1_024
    batch_s: Annotated[float, _about(
        "How often they are written; a power cut loses at most what came since.",
        "每隔多久写一次盘；断电最多丢失这段时间的数值。", ge=0.5, le=60)] = 1
    hot_hours: Annotated[int, _about(
        "How many hours of them stay in the database; older ones are sealed into Parquet files beside it. 0: all stay.",
        "最近多少小时的数值留在数据库里；更早的封存为旁边的 Parquet 文件。0 表示全部留在数据库。",
        ge=0, le=87_600)] = 48
    deadband_share: Annotated[float, _about(
        "A measured number has changed when it moved by more than this share of its range (of itself, where none is"
        " declared), unless its description says what a change is. 0: every change counts.",
        "测量值的变化超过量程（未声明量程时为数值本身）的这一比例才算变化；描述另有规定的除外。0：任何变化都算。",
        ge=0, le=0.1)] = 0.0001


class Prices(Section, frozen=True):
    """The public record that binds this firm to its price books and documents."""

    batch_minutes: Annotated[float, _about(
        "How often quotations, orders and bills are bound into the price record, also when there are none.",
        "每隔多久把报价、订单和结算单的加密指纹写入价格公示簿；没有单据时也照写。", ge=0.01, le=1_440)] = 15
    batch_entries: Annotated[int, _about(
        "How many entries each time, padded, so that nobody can tell how much is traded; the next power of two counts.",
        "每次写入的条数，不足时用随机数补齐，让外人看不出生意多少；按不小于它的 2 的幂计算。", ge=16, le=4_096)] = 64
    show_after_minutes: Annotated[float, _about(
        "How long partners wait for other firms to have seen the record, before they are shown it without.",
        "最多等多久让见证企业看过公示簿，再把凭据出示给合作方。", ge=0, le=1_440)] = 10
    seen_by: Annotated[int, _about(
        "How many firms that you know, your own among them, must have seen a seller's price record, for its prices to"
        " count as checked.",
        "您认识的企业（包括您自己）中要有几家见证过卖方的价格公示簿，价格才算核对过。", ge=1, le=64)] = 1
    public_requests_per_s: Annotated[float, _about(
        "Requests a second of all readers of the public record together.",
        "公示簿对外开放，所有读者合计平均每秒的请求数。", ge=0.1, le=10_000)] = 20
    public_kilobytes_per_s: Annotated[float, _about(
        "Kilobytes a second of all of them together.", "这些读者合计平均每秒的数据量（千字节）。",
        ge=1, le=1_000_000)] = 512


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a node."""

    firm: Firm = Firm()
    listen: Listen = Listen()
    https: Https = Https()
    storage: Storage = Storage()
    rules: Rules = Rules()
    peers: Peers = Peers()
    retention: Retention = Retention()
    mailbox: Mailbox = Mailbox()
    prices: Prices = Prices()
    twins: TwinKeeping = TwinKeeping()
    history: History = History()
    limits: Limits = Limits()


class Setting(msgspec.Struct, frozen=True):
    """One field as documents show it. ``now``: only older files have it, this one says the same today."""

    section: str
    name: str
    default: Any
    kind: Any
    about: Mapping[str, str]
    now: str = ""

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"{VARIABLE}{self.section}_{self.name}".upper()


SECTIONS: Final[Mapping[str, type[Section]]] = get_type_hints(Config)


def settings() -> Iterator[Setting]:
    """Every field, in the order of the file."""
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            meta: Meta = field.type.__metadata__[0]
            about = {"en": str(meta.description), **(meta.extra or {})}
            yield Setting(section, field.name, field.default, field.type, about)


_SETTINGS: Final = {(one.section, one.name): one for one in settings()}
# What older files say is read for ever; each with how it is said today.
OLD: Final = (Setting("firm", "utc_offset_minutes", "", Annotated[int, Meta(ge=-720, le=840)], {
    "en": "Older files: a time zone as minutes ahead of UTC, the same all year. time_zone is asked first.",
    "zh": "旧文件的写法：与 UTC 相差的分钟数，全年不变。写了 time_zone 时以 time_zone 为准。"}, now="time_zone"),)
_OLD: Final = {(one.section, one.name): one for one in OLD}


def load(text: str, environ: Mapping[str, str]) -> Config:
    """The settings in ``text`` (TOML) and ``environ``; raises ``Invalid('config.…')``."""
    if len(text) > SETTINGS_MAX or any(len(line) > LINE_MAX for line in text.splitlines()):
        raise Invalid("config.too-long", limit=SETTINGS_MAX, line=LINE_MAX)  # a key of a thousand parts takes minutes
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Invalid("config.not-toml", detail=str(error)[:TEXT_MAX]) from error
    for section, table in given.items():
        if section not in SECTIONS or not isinstance(table, dict):
            raise _unknown(section, SECTIONS)
    file = {(section, name): value for section, table in given.items() for name, value in table.items()}
    known = {(one.section, one.name): one.variable for one in (*_SETTINGS.values(), *OLD)}
    variables = {place: environ[name] for place, name in known.items() if name in environ}
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for (section, name), value in (*_layer(file, strict=True), *_layer(variables, strict=False)):
        values[section][name] = value
    config = Config(**{section: kind(**values[section]) for section, kind in SECTIONS.items()})  # type: ignore[arg-type]  # by its own table
    _check(config)
    return config


def _layer(told: Mapping[tuple[str, str], Any], *, strict: bool) -> Iterator[tuple[tuple[str, str], Any]]:
    """Each value by section and name, what an older name says before what the new one does."""
    for place in sorted(told, key=lambda one: one not in _OLD):
        value = _value(*place, told[place], strict=strict)
        old = _OLD.get(place)
        yield (place, value) if old is None else ((old.section, old.now), zone.fixed(value).name)


def _value(section: str, name: str, value: Any, *, strict: bool) -> Any:
    setting = _SETTINGS.get((section, name)) or _OLD.get((section, name))
    if setting is None:
        raise _unknown(f"{section}.{name}", {f"{section}.{known}" for of, known in _SETTINGS if of == section})
    try:
        return msgspec.convert(value, setting.kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid("config.value", where=f"{section}.{name}", value=str(value)[:40], mend=expected(setting),
                      detail=str(error)[:TEXT_MAX]) from error


def _unknown(where: str, known: Any) -> Invalid:
    names = sorted(known)
    near = difflib.get_close_matches(where, names, n=1)
    return Invalid("config.unknown", where=where[:60], mend=near[0] if near else ", ".join(names))


def expected(setting: Setting) -> str:
    """What may stand for ``setting``, in signs rather than words."""
    kind, meta = setting.kind.__origin__, setting.kind.__metadata__[0]
    if kind is bool:
        return "true | false"
    if kind is str:
        return '"…"'
    if kind in {int, float}:
        return f"{meta.ge:g} … {meta.le:g}"
    return " | ".join(f'"{one}"' for one in kind.__args__)


def _check(config: Config) -> None:
    firm, peers = config.firm, config.peers
    if any(ord(letter) < 32 for letter in firm.name):
        raise Invalid("config.value", where="firm.name", value=firm.name[:40], mend='"…"', detail="control character")
    try:
        zone.of(firm.time_zone)
    except Invalid as error:
        raise Invalid("config.value", where="firm.time_zone", value=firm.time_zone[:40], mend=str(error.facts["mend"]),
                      detail="") from error
    if firm.currency not in MINOR_UNITS:
        raise Invalid("config.value", where="firm.currency", value=firm.currency[:40],
                      mend=" | ".join(sorted(MINOR_UNITS)), detail="")
    if firm.url and not is_address(firm.url):
        raise Invalid("config.value", where="firm.url", value=firm.url[:40], mend='"https://…"', detail="")
    if bool(config.https.certificate) != bool(config.https.key):
        raise Invalid("config.value", where="https.key", value=config.https.key[:40], mend='"….pem"',
                      detail="https.certificate and https.key belong together")
    if peers.retry_s_min > peers.retry_s_max:
        raise Invalid("config.value", where="peers.retry_s_min", value=f"{peers.retry_s_min:g}",
                      mend=f"<= {peers.retry_s_max:g}", detail="above peers.retry_s_max")


def is_address(url: str) -> bool:
    """Whether a node may be reached at ``url``: our paths go behind it, so it holds no question, no mark, no name."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 \
            and parts.username is None and not set("?#") & set(url)
    except ValueError:
        return False


def template(*, name: str, lang: str, url: str, time_zone: str = "") -> str:
    """A new ``weft.toml``: what was given, and every other setting as a comment with its default.

    ``time_zone``: the machine's; a machine at UTC itself says nothing of where a Chinese firm is.
    """
    given: dict[tuple[str, str], str] = {
        ("firm", "name"): name, ("firm", "lang"): lang, ("firm", "url"): url}
    if time_zone and (lang != "zh" or zone.of(time_zone).name not in UNIVERSAL):
        given["firm", "time_zone"] = time_zone
    lines: list[str] = []
    for section, kind in SECTIONS.items():
        lines += [f"[{section}]"] if not lines else ["", f"[{section}]"]
        for field in msgspec.structs.fields(kind):
            setting = _SETTINGS[section, field.name]
            about = setting.about.get(lang, setting.about["en"])
            value = given.get((section, field.name), setting.default)
            mark = "" if (section, field.name) in given else "# "
            lines += [f"# {about}", f"{mark}{field.name} = {written(value)}"]
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    """``value`` in TOML; JSON's strings, numbers and truth values are TOML's, but for DEL."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
