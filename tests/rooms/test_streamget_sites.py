import importlib
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.rooms.streamget_sites import SITES, Site, room_name, site_of

# One link per platform, of the kind its users paste.
LINKS = {
    "acfun": "https://live.acfun.cn/live/179922",
    "baidu": "https://live.baidu.com/m/media/pclive/pchome/live.html?room_id=9175031377&tab=1",
    "bigo": "https://www.bigo.tv/cn/716418802",
    "bilibili": "https://live.bilibili.com/320?x=1",
    "blued": "https://app.blued.cn/live?id=Mp6G2R",
    "changliao": "https://live.tlclw.com/106188",
    "chzzk": "https://chzzk.naver.com/live/458f6ec20b034f49e0fc6d03921646d2",
    "douyu": "https://www.douyu.com/topic/wzDBLS6?rid=4921614&dyshid=",
    "faceit": "https://www.faceit.com/zh/players/Compl1/stream",
    "flextv": "https://www.flextv.co.kr/channels/593127/live",
    "haixiu": "https://www.haixiutv.com/6095106",
    "huajiao": "https://www.huajiao.com/l/345096174",
    "huamao": "https://h.catshow168.com/live/preview.html?uid=19066357&anchorUid=18895331",
    "huya": "https://www.huya.com/52333",
    "inke": "https://www.inke.cn/liveroom/index.html?uid=22954469&id=1720860391070904",
    "jd": "https://3.cn/28MLBy-E",
    "kuaishou": "https://live.kuaishou.com/u/yall1102",
    "kugou": "https://fanxing2.kugou.com/50428671?refer=2177&sourceFrom=",
    "laixiu": "https://www.imkktv.com/h5/share/video.html?uid=1845195&roomId=1710496",
    "langlive": "https://www.lang.live/en-US/room/3349463",
    "lehai": "https://www.lehaitv.com/8059096",
    "lianjie": "https://show.lailianjie.com/10000258",
    "liveme": "https://www.liveme.com/zh/v/17141543493018047815/index.html",
    "look": "https://look.163.com/live?id=65108820&position=3",
    "maoer": "https://fm.missevan.com/live/868895007",
    "migu": "https://www.miguvideo.com/p/live/120000541321",
    "netease": "https://cc.163.com/583946984",
    "pandatv": "https://www.pandalive.co.kr/live/play/bara0109",
    "piaopiao": "https://m.pp.weimipopo.com/live/preview.html?uid=91648673&anchorUid=91625862",
    "picarto": "https://www.picarto.tv/cuteavalanche",
    "popkontv": "https://www.popkontv.com/live/view?castId=wjfal007&partnerCode=P-00117",
    "qiandurebo": "https://qiandurebo.com/web/video.php?roomnumber=33333",
    "rednote": "http://xhslink.com/xpJpfM",
    "shopee": "https://sg.shp.ee/GmpXeuf?uid=1006401066&session=802458",
    "showroom": "https://www.showroom-live.com/room/profile?room_id=480206",
    "sixroom": "https://v.6.cn/634435",
    "soop": "https://play.sooplive.co.kr/sw7love",
    "taobao": "https://m.tb.cn/h.TWp0HTd",
    "tiktok": "https://www.tiktok.com/@pearlgaga88/live",
    "twitcasting": "https://twitcasting.tv/c:uonq",
    "twitch": "https://www.twitch.tv/gamerbee",
    "vvxq": "https://h5webcdn-pro.vvxqiu.com//activity/videoShare/videoShare.html?roomId=LP115924473",
    "weibo": "https://weibo.com/l/wblive/p/show/1022:2321325026370190442592",
    "winktv": "https://www.winktv.co.kr/live/play/anjer1004",
    "xindongrebo": "https://www.xcqrkj.com/web/video.php?roomnumber=36",
    "yinbo": "https://live.ybw1666.com/800002949",
    "yiqi": "https://17.live/en/live/6302408",
    "youtube": "https://www.youtube.com/watch?v=cS6zS5hi1w0",
    "yy": "https://www.yy.com/22490906/22490906",
    "zhihu": "https://www.zhihu.com/theater/114453",
}


def test_every_platform_of_the_library_has_its_row_but_douyin() -> None:
    library = importlib.import_module("streamget")
    classes = {name for name in library.__all__ if name.endswith("LiveStream")}
    assert {site.cls for site in SITES} == classes - {"DouyinLiveStream"}
    assert len({site.key for site in SITES}) == len(SITES) == len(LINKS)


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.key)
def test_a_row_names_what_the_library_has(site: Site) -> None:
    platform = getattr(importlib.import_module("streamget"), site.cls)()
    assert inspect.iscoroutinefunction(getattr(platform, site.method))
    assert inspect.iscoroutinefunction(platform.fetch_stream_url)
    assert site.key.isascii()
    assert site.key.islower()


@pytest.mark.parametrize(("key", "link"), LINKS.items())
def test_a_link_goes_to_its_platform(key: str, link: str) -> None:
    site = site_of(link)
    assert site is not None
    assert site.key == key


@pytest.mark.parametrize(
    ("link", "live_id", "address"),
    [
        (LINKS["huya"] + "?from=share", "52333", LINKS["huya"]),
        (LINKS["flextv"], "593127", LINKS["flextv"]),
        (LINKS["look"], "65108820", "https://look.163.com/live?id=65108820"),
        (LINKS["youtube"] + "&t=1", "cS6zS5hi1w0", LINKS["youtube"]),
        ("https://www.twitch.tv/", "www.twitch.tv", "https://www.twitch.tv/"),
    ],
)
def test_a_room_is_named_by_what_stays_in_its_link(link: str, live_id: str, address: str) -> None:
    site = site_of(link)
    assert site is not None
    assert room_name(site, link) == (live_id, address)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://live.douyin.com/80017709309",
        "https://www.bilibili.com/video/BV1",
        "https://evil-huya.com/1",
        "https://huya.com.evil.example/1",
        "https://evil.example/?u=https://www.huya.com/1",
        "https://www.huya.com@evil.example/1",
        "ftp://www.huya.com/1",
        "www.huya.com/1",
        "http://[::1",
    ],
)
def test_other_links_go_nowhere(link: str) -> None:
    assert site_of(link) is None


@given(text=st.text(max_size=60))
def test_any_text_has_a_platform_or_none(text: str) -> None:
    assert site_of(text) is None or "." in text
