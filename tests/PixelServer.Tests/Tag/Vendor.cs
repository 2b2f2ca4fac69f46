namespace PixelServer.Tests.Tag;

/// <summary>One ad platform's tag as a page has it. The snippets are written after the published shape of each.</summary>
/// <param name="Key">As <c>properties.vendor</c> says it.</param>
/// <param name="Snippet">Up to and with its configuration; <c>SRC</c> stands for the script's address.</param>
/// <param name="Configuration">What the platform is told by the snippet, as JSON; page views are joined with ours and may carry <c>VIEW</c>, its id.</param>
/// <param name="Plain">A purchase without an id.</param>
/// <param name="Named">The same with the id <c>own-1</c>.</param>
/// <param name="Told">What the platform must be told of it, as JSON; <c>$ID</c> stands for the id.</param>
/// <param name="Waiting">Where the stub keeps what the script has not taken.</param>
/// <param name="Name">What our event is called.</param>
internal sealed record Vendor(
    string Key, string Snippet, string[] Configuration, string Plain, string Named, string Told, string Waiting, string Name)
{
    public static Vendor Of(string key) => All.Single(one => one.Key == key);

    public static IReadOnlyList<Vendor> All { get; } =
    [
        new("meta",
            """
            <script>
            !function(f,b,e,v,n,t,s){if(f.fbq)return;n=f.fbq=function(){n.callMethod?n.callMethod.apply(n,arguments):n.queue.push(arguments)};
            if(!f._fbq)f._fbq=n;n.push=n;n.loaded=!0;n.version='2.0';n.queue=[];t=b.createElement(e);t.async=!0;t.src=v;
            s=b.getElementsByTagName(e)[0];s.parentNode.insertBefore(t,s)}(window,document,'script','SRC');
            fbq('init', '111', { em: 'ann@shop.example', external_id: 'secret-7' });
            fbq('track', 'PageView');
            </script>
            """,
            ["""["init","111",{"em":"ann@shop.example","external_id":"secret-7"}]""", """["track","PageView",{},{"eventID":"VIEW"}]"""],
            "fbq('track', 'Purchase', { value: 49.9, currency: 'EUR', content_ids: ['A'] })",
            "fbq('track', 'Purchase', { value: 49.9, currency: 'EUR', content_ids: ['A'] }, { eventID: 'own-1' })",
            """["track","Purchase",{"value":49.9,"currency":"EUR","content_ids":["A"]},{"eventID":"$ID"}]""",
            "fbq.queue", "Purchase"),
        new("google",
            """
            <script async src="SRC"></script>
            <script>
            window.dataLayer = window.dataLayer || [];
            function gtag(){dataLayer.push(arguments);}
            gtag('js', new Date(0));
            gtag('config', 'G-1');
            gtag('set', 'user_data', { email: 'ann@shop.example' });
            </script>
            """,
            ["""["js","1970-01-01T00:00:00.000Z"]""", """["config","G-1"]""", """["set","user_data",{"email":"ann@shop.example"}]"""],
            "gtag('event', 'purchase', { value: 49.9, currency: 'EUR', items: [{ item_id: 'A' }] })",
            "gtag('event', 'purchase', { value: 49.9, currency: 'EUR', items: [{ item_id: 'A' }], event_id: 'own-1' })",
            """["event","purchase",{"value":49.9,"currency":"EUR","items":[{"item_id":"A"}],"event_id":"$ID"}]""",
            "dataLayer", "purchase"),
        new("linkedin",
            """
            <script>
            _linkedin_partner_id = "222";
            window._linkedin_data_partner_ids = window._linkedin_data_partner_ids || [];
            window._linkedin_data_partner_ids.push(_linkedin_partner_id);
            </script><script>
            (function(l) {
            if (!l){window.lintrk = function(a,b){window.lintrk.q.push([a,b])};
            window.lintrk.q=[]}
            var s = document.getElementsByTagName("script")[0];
            var b = document.createElement("script");
            b.type = "text/javascript";b.async = true;
            b.src = "SRC";
            s.parentNode.insertBefore(b, s);})(window.lintrk);
            lintrk('setUserData', { email: 'ann@shop.example' });
            </script>
            """,
            ["""["setUserData",{"email":"ann@shop.example"}]"""],
            "lintrk('track', { conversion_id: 7, conversion_value: 49.9, currency: 'EUR' })",
            "lintrk('track', { conversion_id: 7, conversion_value: 49.9, currency: 'EUR', event_id: 'own-1' })",
            """["track",{"conversion_id":7,"conversion_value":49.9,"currency":"EUR","event_id":"$ID"}]""",
            "lintrk.q", "conversion"),
        new("x",
            """
            <script>
            !function(e,t,n,s,u,a){e.twq||(s=e.twq=function(){s.exe?s.exe.apply(s,arguments):s.queue.push(arguments);
            },s.version='1.1',s.queue=[],u=t.createElement(n),u.async=!0,u.src='SRC',
            a=t.getElementsByTagName(n)[0],a.parentNode.insertBefore(u,a))}(window,document,'script');
            twq('config','o1');
            </script>
            """,
            ["""["config","o1"]"""],
            "twq('event', 'tw-o1-p1', { value: 49.9, currency: 'EUR', email_address: 'ann@shop.example', phone_number: '+4930123' })",
            "twq('event', 'tw-o1-p1', { value: 49.9, currency: 'EUR', email_address: 'ann@shop.example', phone_number: '+4930123', conversion_id: 'own-1' })",
            """["event","tw-o1-p1",{"value":49.9,"currency":"EUR","email_address":"ann@shop.example","phone_number":"+4930123","conversion_id":"$ID"}]""",
            "twq.queue", "tw-o1-p1"),
        new("tiktok",
            """
            <script>
            !function (w, d, t) {
              w.TiktokAnalyticsObject=t;var ttq=w[t]=w[t]||[];
              ttq.methods=["page","track","identify","instances","debug","on","off","once","ready","alias","group","enableCookie","disableCookie"];
              ttq.setAndDefer=function(t,e){t[e]=function(){t.push([e].concat(Array.prototype.slice.call(arguments,0)))}};
              for(var i=0;i<ttq.methods.length;i++)ttq.setAndDefer(ttq,ttq.methods[i]);
              ttq.instance=function(t){for(var e=ttq._i[t]||[],n=0;n<ttq.methods.length;n++)ttq.setAndDefer(e,ttq.methods[n]);return e};
              ttq.load=function(e,n){ttq._i=ttq._i||{};ttq._i[e]=[];ttq._i[e]._u='SRC';ttq._t=ttq._t||{};ttq._t[e]=+new Date;ttq._o=ttq._o||{};ttq._o[e]=n||{};
                var o=d.createElement("script");o.type="text/javascript";o.async=!0;o.src='SRC?sdkid='+e+'&lib='+t;
                var a=d.getElementsByTagName("script")[0];a.parentNode.insertBefore(o,a)};
              ttq.load('C1');
              ttq.page();
            }(window, document, 'ttq');
            ttq.identify({ email: 'ann@shop.example', external_id: 'secret-7' });
            </script>
            """,
            ["""["page"]""", """["identify",{"email":"ann@shop.example","external_id":"secret-7"}]"""],
            "ttq.track('CompletePayment', { value: 49.9, currency: 'EUR', contents: [{ content_id: 'A' }] })",
            "ttq.track('CompletePayment', { value: 49.9, currency: 'EUR', contents: [{ content_id: 'A' }] }, { event_id: 'own-1' })",
            """["track","CompletePayment",{"value":49.9,"currency":"EUR","contents":[{"content_id":"A"}]},{"event_id":"$ID"}]""",
            "ttq", "CompletePayment"),
        new("reddit",
            """
            <script>
            !function(w,d){if(!w.rdt){var p=w.rdt=function(){p.sendEvent?p.sendEvent.apply(p,arguments):p.callQueue.push(arguments)};p.callQueue=[];
            var t=d.createElement("script");t.src="SRC",t.async=!0;var s=d.getElementsByTagName("script")[0];s.parentNode.insertBefore(t,s)}}(window,document);
            rdt('init','a2_1', { email: 'ann@shop.example', externalId: 'secret-7' });
            rdt('track', 'PageVisit');
            </script>
            """,
            ["""["init","a2_1",{"email":"ann@shop.example","externalId":"secret-7"}]""", """["track","PageVisit",{"conversionId":"VIEW"}]"""],
            "rdt('track', 'Purchase', { value: 49.9, currency: 'EUR', itemCount: 2 })",
            "rdt('track', 'Purchase', { value: 49.9, currency: 'EUR', itemCount: 2, conversionId: 'own-1' })",
            """["track","Purchase",{"value":49.9,"currency":"EUR","itemCount":2,"conversionId":"$ID"}]""",
            "rdt.callQueue", "Purchase"),
        new("pinterest",
            """
            <script>
            !function(e){if(!window.pintrk){window.pintrk=function(){window.pintrk.queue.push(Array.prototype.slice.call(arguments))};
            var n=window.pintrk;n.queue=[],n.version="3.0";var t=document.createElement("script");t.async=!0,t.src=e;
            var r=document.getElementsByTagName("script")[0];r.parentNode.insertBefore(t,r)}}("SRC");
            pintrk('load', '333', { em: 'ann@shop.example', external_id: 'secret-7' });
            pintrk('page');
            </script>
            """,
            ["""["load","333",{"em":"ann@shop.example","external_id":"secret-7"}]""", """["page"]"""],
            "pintrk('track', 'checkout', { value: 49.9, currency: 'EUR', order_quantity: 2 })",
            "pintrk('track', 'checkout', { value: 49.9, currency: 'EUR', order_quantity: 2, event_id: 'own-1' })",
            """["track","checkout",{"value":49.9,"currency":"EUR","order_quantity":2,"event_id":"$ID"}]""",
            "pintrk.queue", "checkout"),
    ];
}
