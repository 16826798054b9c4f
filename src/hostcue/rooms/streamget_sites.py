"""Which links go to which class of the streamget library, Douyin left out: it has its own resolver.

Hosts are those of the links that streamget's classes take apart and its author's recorders list.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Site:
    """A platform: our key for it, streamget's class, the hosts of its links.

    `id_in` is the query parameter that tells rooms apart where the path does not; `method` fetches
    the room's data; `blu_ray` says that the class knows the quality BD, `asks_each` that a quality
    is a request of its own, so that the platform's word for it holds.
    """

    key: str
    cls: str
    hosts: tuple[str, ...]
    id_in: str = ""
    method: str = "fetch_web_stream_data"
    blu_ray: bool = False
    asks_each: bool = False


_APP = "fetch_app_stream_data"  # where the web method is missing, empty, or the one that breaks

SITES = (
    Site("acfun", "AcfunLiveStream", ("acfun.cn",)),
    Site("baidu", "BaiduLiveStream", ("live.baidu.com",), id_in="room_id"),
    Site("bigo", "BigoLiveStream", ("bigo.tv", "slink.bigovideo.tv"), id_in="h"),
    Site("bilibili", "BilibiliLiveStream", ("live.bilibili.com",), blu_ray=True, asks_each=True),
    Site("blued", "BluedLiveStream", ("app.blued.cn",), id_in="id"),
    Site("changliao", "ChangliaoLiveStream", ("tlclw.com",)),
    Site("chzzk", "ChzzkLiveStream", ("chzzk.naver.com",)),
    Site("douyu", "DouyuLiveStream", ("douyu.com",), id_in="rid", asks_each=True),
    Site("faceit", "FaceitLiveStream", ("faceit.com",)),
    Site("flextv", "FlexTVLiveStream", ("flextv.co.kr", "ttinglive.com")),
    Site("haixiu", "HaixiuLiveStream", ("haixiutv.com",)),
    Site("huajiao", "HuajiaoLiveStream", ("huajiao.com",), id_in="liveid"),
    Site("huamao", "HuamaoLiveStream", ("catshow168.com",), id_in="anchorUid"),
    Site("huya", "HuyaLiveStream", ("huya.com",), method=_APP),
    Site("inke", "InkeLiveStream", ("inke.cn",), id_in="uid"),
    Site("jd", "JDLiveStream", ("3.cn", "lives.jd.com")),
    Site("kuaishou", "KwaiLiveStream", ("live.kuaishou.com",), blu_ray=True),
    Site("kugou", "KugouLiveStream", ("kugou.com",), id_in="roomId"),
    Site("laixiu", "LaixiuLiveStream", ("imkktv.com",), id_in="roomId"),
    Site("langlive", "LangLiveStream", ("lang.live",)),
    Site("lehai", "LehaiLiveStream", ("lehaitv.com",)),
    Site("lianjie", "LianJieLiveStream", ("lailianjie.com",)),
    Site("liveme", "LiveMeLiveStream", ("liveme.com",)),
    Site("look", "LookLiveStream", ("look.163.com",), id_in="id"),
    Site("maoer", "MaoerLiveStream", ("fm.missevan.com",)),
    Site("migu", "MiguLiveStream", ("miguvideo.com",)),
    Site("netease", "NeteaseLiveStream", ("cc.163.com",)),
    Site("pandatv", "PandaLiveStream", ("pandalive.co.kr",)),
    Site("piaopiao", "PiaopaioLiveStream", ("weimipopo.com",), id_in="anchorUid"),
    Site("picarto", "PicartoLiveStream", ("picarto.tv",)),
    Site("popkontv", "PopkonTVLiveStream", ("popkontv.com",), id_in="castId"),
    Site("qiandurebo", "QiandureboLiveStream", ("qiandurebo.com",), id_in="roomnumber"),
    Site("rednote", "RedNoteLiveStream", ("xiaohongshu.com", "xhslink.com"), method=_APP),
    Site("shopee", "ShopeeLiveStream", ("shp.ee", "live.shopee.sg"), "session", _APP),
    Site("showroom", "ShowRoomLiveStream", ("showroom-live.com",), id_in="room_id"),
    Site("sixroom", "SixRoomLiveStream", ("v.6.cn",)),
    Site("soop", "SoopLiveStream", ("sooplive.co.kr", "sooplive.com")),
    Site("taobao", "TaobaoLiveStream", ("taobao.com", "tb.cn"), id_in="id"),
    Site("tiktok", "TikTokLiveStream", ("tiktok.com",)),
    Site("twitcasting", "TwitCastingLiveStream", ("twitcasting.tv",)),
    Site("twitch", "TwitchLiveStream", ("twitch.tv",)),
    Site("vvxq", "VVXQLiveStream", ("vvxqiu.com",), id_in="roomId"),
    Site("weibo", "WeiboLiveStream", ("weibo.com",)),
    Site("winktv", "WinkTVLiveStream", ("winktv.co.kr",)),
    Site("xindongrebo", "XindongreboLiveStream", ("xcqrkj.com",), id_in="roomnumber"),
    Site("yinbo", "YinboLiveStream", ("ybw1666.com",)),
    Site("yiqi", "YiqiLiveStream", ("17.live",)),
    Site("youtube", "YoutubeLiveStream", ("youtube.com", "youtu.be"), id_in="v"),
    Site("yy", "YYLiveStream", ("yy.com",)),
    Site("zhihu", "ZhihuLiveStream", ("zhihu.com",)),
)

_BY_HOST = {host: site for site in SITES for host in site.hosts}
_PAGE_NAMES = {"live", "stream", "room", "index.html", "view", "play", "profile", "watch"}


def site_of(link: str) -> Site | None:
    """The platform of a link, by its host: the listed ones and all below them."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"}:
        return None
    labels = (parts.hostname or "").split(".")
    names = (".".join(labels[at:]) for at in range(len(labels)))
    return next((_BY_HOST[name] for name in names if name in _BY_HOST), None)


def room_name(site: Site, link: str) -> tuple[str, str]:
    """The room's id as the link tells it, and the link without what changes from copy to copy."""
    parts = urlsplit(link)
    address = f"{parts.scheme}://{parts.hostname}{parts.path}"
    if site.id_in and (value := parse_qs(parts.query).get(site.id_in, [""])[0]):
        return value, f"{address}?{site.id_in}={value}"
    steps = [step for step in parts.path.split("/") if step and step not in _PAGE_NAMES]
    return (steps[-1] if steps else parts.hostname or ""), address
