-- Requests as they come from pages and mails: all of them made before the load starts, so that Lua costs the same few
-- instructions per request whichever server is asked. Usage: wrk -s requests.lua URL -- COOKIES COUNT
-- COOKIES is a file with one cookie of the server per line ("name=value"); seven of ten requests carry one.

local agents = {
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:151.0) Gecko/20100101 Firefox/151.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36 OPR/130.0.0.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/147.0.7000.40 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
  "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 15; SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Android 15; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0",
  "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
  "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0",
  "Mozilla/5.0",
  "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
  "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
}
local sites = { "default", "shop", "blog", "news-eu", "app" }
local events = { "page_view", "page_view", "page_view", "product_view", "add_to_cart", "scroll", "purchase" }
local pages = { "/", "/shoes/trail-runner-3", "/search?q=winter%20jacket", "/checkout/review", "/blog/2026/11/what-we-learned", "/de/kategorie/b%C3%BCcher" }
local referrers = { "", "https://www.google.com/", "https://www.bing.com/", "https://l.facebook.com/", "https://t.co/a8Zk3qLm", "https://news.example.org/today" }
local campaigns = {
  "", "", "utm_source=newsletter&utm_medium=email&utm_campaign=autumn_2026&utm_content=hero",
  "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_term=trail+shoes&gclid=", "utm_source=meta&utm_medium=paid_social&fbclid=",
  "utm_source=tiktok&utm_medium=paid&ttclid=", "msclkid=",
}
local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function any(list) return list[math.random(#list)] end

local function word(length)
  local chars = {}
  for i = 1, length do
    local at = math.random(#letters)
    chars[i] = letters:sub(at, at)
  end
  return table.concat(chars)
end

local function escape(text)
  return (text:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

local function page()
  local address = "https://www.shop.example" .. any(pages)
  local campaign = any(campaigns)
  if campaign == "" then return address end
  if campaign:sub(-1) == "=" then campaign = campaign .. word(60) end
  return address .. (address:find("?", 1, true) and "&" or "?") .. campaign
end

local function hit(cookies)
  local event, here, from = any(events), page(), any(referrers)
  local path = "/p.gif?id=" .. any(sites) .. "&e=" .. event .. "&eid=" .. word(22) .. "&url=" .. escape(here) ..
    "&title=" .. escape("Trail Runner 3 | Shop") .. "&sw=1512&sh=982&tz=Europe%2FBerlin&l=de-DE&v_app=4.12." .. math.random(99)
  if from ~= "" then path = path .. "&ref=" .. escape(from) end
  if event == "purchase" then path = path .. "&v=" .. math.random(5, 400) .. ".95&cur=EUR&order_id=" .. math.random(10 ^ 8) end
  if math.random() < 0.3 then path = path .. "&u=user" .. math.random(10 ^ 6) end

  local headers = {
    ["User-Agent"] = any(agents),
    ["Accept"] = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    ["Accept-Language"] = "de-DE,de;q=0.9,en;q=0.8",
    ["Accept-Encoding"] = "gzip, deflate, br, zstd",
    ["Referer"] = here,
    ["Sec-Fetch-Dest"] = "image",
    ["Sec-Fetch-Mode"] = "no-cors",
    ["Sec-Fetch-Site"] = "same-site",
  }
  if math.random() < 0.7 then headers["Cookie"] = any(cookies) end
  return wrk.format("GET", path, headers)
end

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

local requests, count, at = {}, 0, 0
function init(args)
  local cookies = {}
  for line in io.lines(args[1]) do cookies[#cookies + 1] = line end
  math.randomseed(seed) -- the same requests in every run, others in every thread
  count = tonumber(args[2])
  for i = 1, count do requests[i] = hit(cookies) end
end

function request()
  at = at % count + 1
  return requests[at]
end

-- One line for run.sh: requests, microseconds, answers above 399, socket errors, p50 and p99 in microseconds.
function done(summary, latency)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %d %d", summary.requests, summary.duration, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
