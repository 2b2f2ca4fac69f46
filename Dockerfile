# syntax=docker/dockerfile:1
# docker build -t pixelserver .   The output is the same for amd64 and arm64: no runtime identifier, so the build stage runs natively.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# Only what decides the packages: this layer is rebuilt when a version changes, not when code does.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/PixelServer/PixelServer.csproj src/PixelServer/packages.lock.json src/PixelServer/
RUN dotnet restore src/PixelServer/PixelServer.csproj --locked-mode

COPY .editorconfig BannedSymbols.txt ./
COPY src/PixelServer/ src/PixelServer/
RUN dotnet publish src/PixelServer/PixelServer.csproj --no-restore --configuration Release -p:UseAppHost=false --output /program \
 && mkdir /empty

# Chiseled: no shell and no package manager behind a door that is open to everybody. The health check is a verb of the program.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /program
COPY --from=build /program ./
# The program belongs to root and is read-only for the server; 1654 is the user "app" of the base image.
COPY --from=build --chown=1654:1654 /empty /data
USER 1654

# The base image's ASPNETCORE_HTTP_PORTS is emptied so that one variable says where the server listens.
ENV ASPNETCORE_HTTP_PORTS="" \
    ASPNETCORE_URLS="http://+:8080" \
    Pixel__DataDirectory="/data"
EXPOSE 8080
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["dotnet", "/program/PixelServer.dll", "healthcheck"]
ENTRYPOINT ["dotnet", "/program/PixelServer.dll"]
