// Runs visits for the matrix with FtpWebRequest: one line in, one line out. The
// fields are those of visits.py.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography.X509Certificates;

static class Visits
{
    static FtpWebRequest Request(string[] f, string name, string method)
    {
        string host = f[2] == "IPv6" ? "[" + f[5] + "]" : f[5];
        string path = "/%2F" + Uri.EscapeUriString(f[12]).TrimStart('/') + "/" + Uri.EscapeDataString(name).Replace("%2F", "/");
        var r = (FtpWebRequest)WebRequest.Create(new Uri("ftp://" + host + ":" + f[6] + path));
        r.Method = method;
        r.Credentials = new NetworkCredential(f[7], f[8]);
        r.EnableSsl = f[3] != "plain";
        r.UsePassive = f[1] == "PASV" || f[1] == "EPSV";
        r.UseBinary = f[4] == "I";
        r.KeepAlive = false;
        r.Timeout = r.ReadWriteTimeout = 20000;
        return r;
    }

    static void Finish(FtpWebRequest r)
    {
        using (var response = (FtpWebResponse)r.GetResponse())
        {
            if (response.StatusCode != FtpStatusCode.ClosingData && response.StatusCode != FtpStatusCode.FileActionOK)
                throw new Exception("reply: " + response.StatusDescription);
        }
    }

    static void Put(string[] f, string name)
    {
        var r = Request(f, name, WebRequestMethods.Ftp.UploadFile);
        using (var to = r.GetRequestStream())
        using (var from = File.OpenRead(Path.Combine(f[10], Path.GetFileName(name))))
            from.CopyTo(to);
        Finish(r);
    }

    static void Get(string[] f, string name)
    {
        using (var response = Request(f, name, WebRequestMethods.Ftp.DownloadFile).GetResponse())
        using (var to = File.Create(Path.Combine(f[11], name)))
            response.GetResponseStream().CopyTo(to);
    }

    // Asks for what is refused, and goes on with what is not; returns what was said.
    static IEnumerable<string> Refusals(string[] f)
    {
        var said = new List<string>();
        var attempts = new Action[] { () => Get(f, "nope"), () => Put(f, "nope/small.bin"), () => Put(f, "big.bin") };
        foreach (var attempt in attempts)
        {
            try
            {
                attempt();
                said.Add("not refused");
            }
            catch (WebException e)
            {
                said.Add(e.Message.Replace("\n", " ").Replace("\r", ""));
            }
            Get(f, "there.bin");
        }
        return said;
    }

    static IEnumerable<string> Visit(string[] f)
    {
        if (f[3] == "implicit") throw new Exception("FtpWebRequest has no implicit TLS");
        string[] names = f.Skip(13).ToArray();
        foreach (string name in names)
            Put(f, name);
        var listing = new List<string>();
        using (var response = Request(f, "", WebRequestMethods.Ftp.ListDirectory).GetResponse())
        using (var lines = new StreamReader(response.GetResponseStream()))
            for (string line; (line = lines.ReadLine()) != null;)
                listing.Add(Path.GetFileName(line));
        foreach (string name in names)
            Get(f, name);
        return listing;
    }

    static void Main()
    {
        // Mono looks for authorities in a store of its own.
        ServicePointManager.ServerCertificateValidationCallback = (sender, certificate, chain, errors) => true;
        for (string line; (line = Console.In.ReadLine()) != null;)
        {
            string answer;
            try
            {
                string[] f = line.Split('\t');
                answer = string.Join("\t", new[] { "ok" }.Concat(f[0] == "refusals" ? Refusals(f) : Visit(f)));
            }
            catch (Exception e)
            {
                answer = "error\t" + e.ToString().Replace('\t', ' ').Replace('\n', '\v');
            }
            Console.Out.WriteLine(answer);
            Console.Out.Flush();
        }
    }
}
