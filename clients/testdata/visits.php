<?php
// Runs visits for the matrix with PHP: one line in, one line out. The fields are
// those of visits.py. The argument says with what: "extension", "streams" (URLs as
// names of files), or the path of the class that WordPress brings.
declare(strict_types=1);

const FIELDS = ["op", "mode", "family", "tls", "type", "host", "port", "user", "password", "ca", "up", "down", "remote"];

set_error_handler(function (int $level, string $text): bool {
    if (error_reporting() & $level) {
        throw new Exception($text);
    }
    return true;
});
error_reporting(E_ALL & ~E_DEPRECATED); // the class is older than PHP 8

/** must is for what returns false and may not warn. */
function must(mixed $result, string $what): mixed
{
    if ($result === false) {
        throw new Exception("$what failed");
    }
    return $result;
}

function login(array $f): FTP\Connection
{
    $connect = $f["tls"] === "plain" ? "ftp_connect" : "ftp_ssl_connect";
    $ftp = must($connect($f["host"], (int) $f["port"], 20), $connect);
    must(ftp_login($ftp, $f["user"], $f["password"]), "ftp_login");
    must(ftp_pasv($ftp, in_array($f["mode"], ["PASV", "EPSV"])), "ftp_pasv");
    return $ftp;
}

function visitByExtension(array $f): array
{
    $ftp = login($f);
    $type = $f["type"] === "A" ? FTP_ASCII : FTP_BINARY;
    must(ftp_chdir($ftp, $f["remote"]), "ftp_chdir");
    foreach ($f["names"] as $name) {
        must(ftp_put($ftp, $name, "{$f["up"]}/$name", $type), "ftp_put");
    }
    $names = must(ftp_nlist($ftp, "."), "ftp_nlist");
    foreach ($f["names"] as $name) {
        must(ftp_get($ftp, "{$f["down"]}/$name", $name, $type), "ftp_get");
    }
    ftp_close($ftp);
    return array_map("basename", $names);
}

/** refusals runs what is refused, each time followed by what is not; it returns what was said. */
function refusals(array $attempts, callable $after): array
{
    $said = [];
    foreach ($attempts as $attempt) {
        try {
            $attempt();
            $said[] = "not refused";
        } catch (Exception $e) {
            $said[] = strtok($e->getMessage(), "\n");
        }
        $after();
    }
    return $said;
}

function refusalsByExtension(array $f): array
{
    $ftp = login($f);
    must(ftp_chdir($ftp, $f["remote"]), "ftp_chdir");
    return refusals([
        fn() => must(ftp_get($ftp, "{$f["down"]}/nope", "nope"), "ftp_get"),
        fn() => must(ftp_nlist($ftp, "nope"), "ftp_nlist"),
        fn() => must(ftp_put($ftp, "nope/small.bin", "{$f["up"]}/small.bin"), "ftp_put"),
        fn() => must(ftp_put($ftp, "big.bin", "{$f["up"]}/big.bin"), "ftp_put"),
    ], fn() => must(ftp_get($ftp, "{$f["down"]}/there.bin", "there.bin"), "ftp_get"));
}

function streams(array $f): array
{
    $scheme = $f["tls"] === "plain" ? "ftp" : "ftps";
    $host = $f["family"] === "IPv6" ? "[{$f["host"]}]" : $f["host"];
    $login = rawurlencode($f["user"]) . ":" . rawurlencode($f["password"]);
    return [
        "$scheme://$login@$host:{$f["port"]}{$f["remote"]}",
        stream_context_create(["ftp" => ["overwrite" => true], "ssl" => ["cafile" => $f["ca"], "peer_name" => $f["host"]]]),
    ];
}

/** A URL tells nobody how a STOR ended, so "big.bin" is not tried. */
function refusalsByStreams(array $f): array
{
    [$folder, $context] = streams($f);
    return refusals([
        fn() => must(copy("$folder/nope", "{$f["down"]}/nope", $context), "copy"),
        fn() => must(scandir("$folder/nope/", SCANDIR_SORT_ASCENDING, $context), "scandir"),
        fn() => must(copy("{$f["up"]}/small.bin", "$folder/nope/small.bin", $context), "copy"),
    ], fn() => must(copy("$folder/there.bin", "{$f["down"]}/there.bin", $context), "copy"));
}

function visitByStreams(array $f): array
{
    [$folder, $context] = streams($f);
    foreach ($f["names"] as $name) {
        must(copy("{$f["up"]}/$name", "$folder/$name", $context), "copy");
    }
    $names = must(scandir("$folder/", SCANDIR_SORT_ASCENDING, $context), "scandir");
    foreach ($f["names"] as $name) {
        must(copy("$folder/$name", "{$f["down"]}/$name", $context), "copy");
    }
    return $names;
}

/** classLogin returns the session, and what throws if it says no. */
function classLogin(array $f): array
{
    $ftp = new ftp(false, false);
    $must = fn($result, string $what) => must($result, "$what: " . trim($ftp->_message));
    $must($ftp->SetServer($f["host"], (int) $f["port"]), "SetServer");
    $must($ftp->connect(), "connect");
    $must($ftp->login($f["user"], $f["password"]), "login");
    $must($ftp->SetType($f["type"] === "A" ? FTP_ASCII : FTP_BINARY), "SetType");
    $must($ftp->Passive(in_array($f["mode"], ["PASV", "EPSV"])), "Passive");
    $must($ftp->chdir($f["remote"]), "chdir");
    return [$ftp, $must];
}

function visitByClass(array $f): array
{
    [$ftp, $must] = classLogin($f);
    foreach ($f["names"] as $name) {
        $must($ftp->put("{$f["up"]}/$name", $name), "put");
    }
    $names = $must($ftp->nlist(), "nlist");
    foreach ($f["names"] as $name) {
        $must($ftp->get($name, "{$f["down"]}/$name"), "get");
    }
    $ftp->quit();
    return array_values(array_filter(array_map(fn($name) => rtrim($name, "\r\n"), $names)));
}

function refusalsByClass(array $f): array
{
    [$ftp, $must] = classLogin($f);
    return refusals([
        fn() => $must($ftp->get("nope", "{$f["down"]}/nope"), "get"),
        fn() => $must($ftp->nlist("nope"), "nlist"),
        fn() => $must($ftp->put("{$f["up"]}/small.bin", "nope/small.bin"), "put"),
        fn() => $must($ftp->put("{$f["up"]}/big.bin", "big.bin"), "put"),
    ], fn() => $must($ftp->get("there.bin", "{$f["down"]}/there.bin"), "get"));
}

$by = ["extension" => "ByExtension", "streams" => "ByStreams"][$argv[1]] ?? "ByClass";
if (is_file($argv[1])) {
    ob_start(); // the file ends with a blank line
    require $argv[1];
    ob_end_clean();
}
while (($line = fgets(STDIN)) !== false) {
    $words = explode("\t", rtrim($line, "\n"));
    $f = array_combine(FIELDS, array_slice($words, 0, count(FIELDS)));
    $f["names"] = array_slice($words, count(FIELDS));
    try {
        $answer = ["ok", ...($f["op"] . $by)($f)];
    } catch (Throwable $e) {
        $answer = ["error", str_replace(["\t", "\n"], [" ", "\v"], (string) $e)];
    }
    echo implode("\t", $answer), "\n";
}
