{
  description = "Robot-policy evaluation whose published scores any stranger can verify";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    crane.url = "github:ipetkov/crane";
    treefmt-nix = {
      url = "github:numtide/treefmt-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    {
      self,
      nixpkgs,
      crane,
      treefmt-nix,
    }:
    let
      inherit (nixpkgs) lib;

      # The promise of identical bits is for x86-64, and vendor.lock has libmujoco for it alone.
      eachSystem = lib.genAttrs [ "x86_64-linux" ];
      pkgsOf = eachSystem (system: nixpkgs.legacyPackages.${system}.extend self.overlays.default);
      formatting = eachSystem (system: treefmt-nix.lib.evalModule pkgsOf.${system} ./nix/treefmt.nix);

      # A module with this flake's own programs, built with this flake's own packages: every operator and validator
      # runs the same closure, whatever nixpkgs the machine has.
      withPackages =
        name: imports: servicesOf:
        { pkgs, ... }:
        {
          # Imported twice, for two roles of one machine, it is one module.
          key = "kinitro/${name}";
          inherit imports;
          services = servicesOf self.packages.${pkgs.stdenv.hostPlatform.system};
        };
    in
    {
      overlays.default = final: _prev: {
        kinitro-mujoco = final.callPackage ./nix/mujoco.nix { };
        kinitro-assets = final.callPackage ./nix/assets.nix { };
        kinitro = final.callPackage ./nix/package.nix {
          craneLib = crane.mkLib final;
          gitRevision = self.rev or self.dirtyRev or null;
          narHash = self.narHash or null;
        };
        kinitro-gl = final.kinitro.override { withGl = true; };
      };

      packages = eachSystem (
        system:
        let
          pkgs = pkgsOf.${system};
        in
        {
          default = pkgs.kinitro;
          inherit (pkgs) kinitro kinitro-gl;
          mujoco = pkgs.kinitro-mujoco;
          assets = pkgs.kinitro-assets;
          image = pkgs.callPackage ./nix/image.nix { };
          appliance = pkgs.callPackage ./nix/appliance.nix {
            appliance = self.nixosConfigurations.appliance.config;
          };
        }
      );

      apps = eachSystem (
        system:
        let
          pkgs = pkgsOf.${system};
          app = description: program: {
            type = "app";
            inherit program;
            meta = { inherit description; };
          };
          # `nix run .#NAME -- ARGUMENTS` is `kinitro COMMAND ARGUMENTS`.
          command =
            description: name:
            app description (
              toString (pkgs.writeShellScript "kinitro-${name}" ''exec ${lib.getExe pkgs.kinitro} ${name} "$@"'')
            );
        in
        {
          default = app pkgs.kinitro.meta.description (lib.getExe pkgs.kinitro);
          demo = command "One whole cycle on this machine" "demo";
          verify = command "Verify a published cycle" "verify";
          miner = command "Make, train, try and deploy a policy of your own" "miner";
        }
      );

      nixosModules = {
        default.imports = [
          self.nixosModules.daemon
          self.nixosModules.executor
          self.nixosModules.gpu-node
          self.nixosModules.validator
        ];
        daemon = withPackages "daemon" [ ./nixos-modules/kinitro.nix ] (ours: {
          kinitro.package = lib.mkDefault ours.kinitro;
        });
        executor = withPackages "executor" [ ./nixos-modules/executor.nix ] (ours: {
          kinitro-executor.package = lib.mkDefault ours.kinitro;
        });
        gpu-node =
          { pkgs, ... }:
          let
            # It loads the machine's driver, so that both have to have one C library: that of the machine's nixpkgs.
            inherit (pkgs.extend self.overlays.default) kinitro-gl;
          in
          {
            key = "kinitro/gpu-node";
            imports = [
              self.nixosModules.executor
              ./nixos-modules/gpu-node.nix
            ];
            services.kinitro-executor.gpu.package = lib.mkDefault kinitro-gl;
          };
        validator = withPackages "validator" [ ./nixos-modules/validator.nix ] (ours: {
          kinitro-validator.package = lib.mkDefault ours.kinitro;
        });
        # Apart from the others: importing it makes an image of the machine.
        appliance = ./nixos-modules/appliance.nix;
      };

      nixosConfigurations = lib.mapAttrs (_name: modules: lib.nixosSystem { inherit modules; }) (
        import ./nix/hosts.nix { inherit self; }
      );

      checks = eachSystem (
        system:
        let
          pkgs = pkgsOf.${system};
          named = prefix: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}");
        in
        pkgs.kinitro.checks
        // {
          formatting = formatting.${system}.config.build.check self;
        }
        // named "package" (removeAttrs self.packages.${system} [ "default" ])
        // named "vm" (import ./vm-tests { inherit pkgs self; })
      );

      devShells = eachSystem (system: {
        default = pkgsOf.${system}.callPackage ./nix/devshell.nix {
          craneLib = crane.mkLib pkgsOf.${system};
        };
      });

      formatter = eachSystem (system: formatting.${system}.config.build.wrapper);
    };
}
